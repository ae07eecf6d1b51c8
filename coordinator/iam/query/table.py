"""Which function does an action: one table. What is not in it is not implemented."""

from collections.abc import Mapping
from typing import Final

from coordinator.iam.entities import Kind
from coordinator.iam.query import groups, managed_policies, policies, roles, sts, users
from coordinator.iam.query.call import Action
from coordinator.iam.query.xml import STS

TABLE: Final[Mapping[str, Action]] = {
    "CreateUser": Action(users.create_user),
    "GetUser": Action(users.get_user),
    "UpdateUser": Action(users.update_user),
    "DeleteUser": Action(users.delete_user),
    "ListUsers": Action(users.list_users),
    "TagUser": Action(users.tag_user),
    "UntagUser": Action(users.untag_user),
    "ListUserTags": Action(users.list_user_tags),
    "CreateAccessKey": Action(users.create_access_key),
    "UpdateAccessKey": Action(users.update_access_key),
    "DeleteAccessKey": Action(users.delete_access_key),
    "ListAccessKeys": Action(users.list_access_keys),
    "GetAccountSummary": Action(users.get_account_summary),
    "ListOpenIDConnectProviders": Action(users.list_open_id_connect_providers),
    "CreateGroup": Action(groups.create_group),
    "GetGroup": Action(groups.get_group),
    "UpdateGroup": Action(groups.update_group),
    "DeleteGroup": Action(groups.delete_group),
    "ListGroups": Action(groups.list_groups),
    "AddUserToGroup": Action(groups.add_user_to_group),
    "RemoveUserFromGroup": Action(groups.remove_user_from_group),
    "ListGroupsForUser": Action(groups.list_groups_for_user),
    **policies.actions(Kind.USER),
    **policies.actions(Kind.GROUP),
    **policies.actions(Kind.ROLE),
    "CreatePolicy": Action(managed_policies.create_policy),
    "GetPolicy": Action(managed_policies.get_policy),
    "DeletePolicy": Action(managed_policies.delete_policy),
    "ListPolicies": Action(managed_policies.list_policies),
    "ListEntitiesForPolicy": Action(managed_policies.list_entities_for_policy),
    "CreatePolicyVersion": Action(managed_policies.create_policy_version),
    "GetPolicyVersion": Action(managed_policies.get_policy_version),
    "ListPolicyVersions": Action(managed_policies.list_policy_versions),
    "DeletePolicyVersion": Action(managed_policies.delete_policy_version),
    "SetDefaultPolicyVersion": Action(managed_policies.set_default_policy_version),
    "CreateRole": Action(roles.create_role),
    "GetRole": Action(roles.get_role),
    "ListRoles": Action(roles.list_roles),
    "UpdateRole": Action(roles.update_role),
    "UpdateRoleDescription": Action(roles.update_role_description),
    "UpdateAssumeRolePolicy": Action(roles.update_assume_role_policy),
    "DeleteRole": Action(roles.delete_role),
    "TagRole": Action(roles.tag_role),
    "UntagRole": Action(roles.untag_role),
    "ListRoleTags": Action(roles.list_role_tags),
    "AssumeRole": Action(sts.assume_role, STS),
    "GetSessionToken": Action(sts.get_session_token, STS),
    "GetCallerIdentity": Action(sts.get_caller_identity, STS),
}
