"""Policies that users, groups and roles have: their own, and managed ones attached to them.

Rules: which policies a user of the store has is root's business, not that user's own: a policy
there may deny, and what it allows counts for everybody's buckets.
"""

from collections.abc import Mapping

from coordinator.iam import grants, managed
from coordinator.iam.documents import quoted
from coordinator.iam.entities import Kind
from coordinator.iam.query.call import Action, Call
from coordinator.iam.query.finding import NAME_PARAMETERS, page_of, path_prefix, subject
from coordinator.iam.query.xml import Result


class _PoliciesOf:
    """The actions on policies of one kind of entity; `subject` looks whether the caller may."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    async def put(self, call: Call) -> None:
        """Give an inline policy, or replace one."""
        entity = await subject(call, self._kind)
        name, document = call.form.text("PolicyName"), call.form.text("PolicyDocument")
        await grants.put_policy(call.directory, entity, name, document)

    async def get(self, call: Call) -> Result:
        """An inline policy."""
        entity = await subject(call, self._kind)
        name = call.form.text("PolicyName")
        return {
            NAME_PARAMETERS[self._kind]: entity.name,
            "PolicyName": name,
            "PolicyDocument": quoted(grants.inline(entity, name)),
        }

    async def delete(self, call: Call) -> None:
        """Take an inline policy back."""
        entity = await subject(call, self._kind)
        await grants.delete_policy(call.directory, entity, call.form.text("PolicyName"))

    async def list(self, call: Call) -> Result:
        """The names of inline policies."""
        entity = await subject(call, self._kind)
        names, end = page_of(call, list(entity.policies), str)
        return {"PolicyNames": names, **end}

    async def attach(self, call: Call) -> None:
        """Attach a managed policy."""
        entity = await subject(call, self._kind)
        await grants.attach(call.directory, entity, call.form.text("PolicyArn"))

    async def detach(self, call: Call) -> None:
        """Detach a managed policy."""
        entity = await subject(call, self._kind)
        await grants.detach(call.directory, entity, call.form.text("PolicyArn"))

    async def list_attached(self, call: Call) -> Result:
        """The managed policies that are attached."""
        entity, prefix = await subject(call, self._kind), path_prefix(call)
        arns = [arn for arn in entity.attached if managed.path_of(arn).startswith(prefix)]
        page, end = page_of(call, arns, str)
        return {
            "AttachedPolicies": [
                {"PolicyName": managed.policy_of(arn)[1], "PolicyArn": arn} for arn in page
            ],
            **end,
        }


def actions(kind: Kind) -> Mapping[str, Action]:
    """The rows of the table for the policies of users, groups or roles."""
    does, what = _PoliciesOf(kind), kind.capitalize()
    return {
        f"Put{what}Policy": Action(does.put),
        f"Get{what}Policy": Action(does.get),
        f"Delete{what}Policy": Action(does.delete),
        f"List{what}Policies": Action(does.list),
        f"Attach{what}Policy": Action(does.attach),
        f"Detach{what}Policy": Action(does.detach),
        f"ListAttached{what}Policies": Action(does.list_attached),
    }
