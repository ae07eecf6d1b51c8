// minio-js with its default settings.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { globalAgent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import * as Minio from "minio";

import { MIB, ODD_KEYS, bytesOf, freshName, seededBytes, streamOf } from "./material.mjs";

const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
const address = { endPoint: endpoint.hostname, port: Number(endpoint.port), useSSL: false };
const accessKey = process.env.AWS_ACCESS_KEY_ID;
const secretKey = process.env.AWS_SECRET_ACCESS_KEY;
const client = new Minio.Client({ ...address, accessKey, secretKey });

// Kept connections would keep the process.
after(() => globalAgent.destroy());

// A bucket for this test alone, removed with all that is in it.
async function bucketFor(t) {
  const bucket = freshName();
  await client.makeBucket(bucket);
  t.after(async () => {
    const listing = client.listObjects(bucket, "", true, { IncludeVersion: true });
    for await (const { name, versionId } of listing) {
      await client.removeObject(bucket, name, { versionId });
    }
    await client.removeBucket(bucket);
  });
  return bucket;
}

async function all(listing) {
  const found = [];
  for await (const one of listing) found.push(one);
  return found;
}

async function read(bucket, key, options) {
  return bytesOf(await client.getObject(bucket, key, options));
}

async function refused(promise, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, code, String(error));
    return true;
  });
}

test("put, get and stat", async (t) => {
  const bucket = await bucketFor(t);
  assert.equal(await client.bucketExists(bucket), true);
  assert.equal(await client.bucketExists(freshName()), false);
  const body = seededBytes(300_000);
  const metadata = { "Content-Type": "text/stone", "X-Amz-Meta-Colour": "grey" };
  const put = await client.putObject(bucket, "folder/ü", body, body.length, metadata);
  assert.deepEqual(await read(bucket, "folder/ü"), body);
  const stat = await client.statObject(bucket, "folder/ü");
  assert.equal(stat.size, body.length);
  assert.equal(stat.etag, put.etag);
  assert.equal(stat.metaData["content-type"], "text/stone");
  assert.equal(stat.metaData.colour, "grey");
  await client.removeObject(bucket, "folder/ü");
  await refused(client.statObject(bucket, "folder/ü"), "NotFound");
  await refused(client.getObject(bucket, "folder/ü"), "NoSuchKey");
});

test("a stream of unknown length in parts", async (t) => {
  const bucket = await bucketFor(t);
  const body = seededBytes(12 * MIB + 5);
  const small = new Minio.Client({ ...address, accessKey, secretKey, partSize: 5 * MIB });
  const put = await small.putObject(bucket, "parts", streamOf(body));
  assert.match(put.etag, /-3$/);
  assert.deepEqual(await read(bucket, "parts"), body);
});

test("files", async (t) => {
  const bucket = await bucketFor(t);
  const folder = await mkdtemp(join(tmpdir(), "minio-js-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "one.json"), seededBytes(2 * MIB));
  await client.fPutObject(bucket, "k", join(folder, "one.json"));
  const stat = await client.statObject(bucket, "k");
  assert.equal(stat.metaData["content-type"], "application/json");
  await client.fGetObject(bucket, "k", join(folder, "two.json"));
  assert.deepEqual(await readFile(join(folder, "two.json")), seededBytes(2 * MIB));
});

test("ranges", async (t) => {
  const bucket = await bucketFor(t);
  const body = seededBytes(2 * MIB);
  await client.putObject(bucket, "k", body);
  const part = await bytesOf(await client.getPartialObject(bucket, "k", 1048570, 20));
  assert.deepEqual(part, body.subarray(1048570, 1048590));
  const rest = await bytesOf(await client.getPartialObject(bucket, "k", body.length - 7));
  assert.deepEqual(rest, body.subarray(-7));
  await refused(client.getPartialObject(bucket, "k", body.length, 1), "InvalidRange");
});

test("listing", async (t) => {
  const bucket = await bucketFor(t);
  const keys = ["a/1", "a/2", "a/b/3", "c", "z 1", "z+2", "ä"];
  for (const key of keys) await client.putObject(bucket, key, key);
  for (const list of ["listObjects", "listObjectsV2"]) {
    const deep = await all(client[list](bucket, "", true));
    assert.deepEqual(deep.map((one) => one.name), keys);
    assert.equal(deep[0].size, 3);
    const top = await all(client[list](bucket, "", false));
    const names = top.map((one) => one.name ?? one.prefix);
    assert.deepEqual(new Set(names), new Set(["a/", "c", "z 1", "z+2", "ä"]));
    const below = await all(client[list](bucket, "a/", true));
    assert.deepEqual(below.map((one) => one.name), ["a/1", "a/2", "a/b/3"]);
  }
  const later = await all(client.listObjectsV2(bucket, "", true, "c"));
  assert.deepEqual(later.map((one) => one.name), keys.slice(4));
});

test("a listing of more than a page", async (t) => {
  const bucket = await bucketFor(t);
  const keys = Array.from({ length: 1005 }, (_, n) => `k${String(n).padStart(5, "0")}`);
  for (let at = 0; at < keys.length; at += 50) {
    await Promise.all(keys.slice(at, at + 50).map((key) => client.putObject(bucket, key, "x")));
  }
  const found = await all(client.listObjectsV2(bucket, "", true));
  assert.deepEqual(found.map((one) => one.name), keys);
  assert.deepEqual((await client.removeObjects(bucket, keys)).filter(Boolean), []);
  assert.deepEqual(await all(client.listObjectsV2(bucket, "", true)), []);
});

test("presigned URLs", async (t) => {
  const bucket = await bucketFor(t);
  const put = await client.presignedPutObject(bucket, "signed ü+", 60);
  assert.equal((await fetch(put, { method: "PUT", body: "by url" })).status, 200);
  const get = await client.presignedGetObject(bucket, "signed ü+", 60, {
    "response-content-type": "text/other",
  });
  const got = await fetch(get);
  assert.equal(await got.text(), "by url");
  assert.equal(got.headers.get("content-type"), "text/other");
  const late = await client.presignedGetObject(bucket, "signed ü+", 60, {}, new Date(0));
  const refusal = await fetch(late);
  assert.equal(refusal.status, 403);
  assert.match(await refusal.text(), /<Code>AccessDenied<\/Code>/);
});

test("presigned forms", async (t) => {
  const bucket = await bucketFor(t);
  const policy = client.newPostPolicy();
  policy.setBucket(bucket);
  policy.setKeyStartsWith("form/");
  policy.setContentLengthRange(1, 100);
  policy.setExpires(new Date(Date.now() + 60_000));
  const { postURL, formData } = await client.presignedPostPolicy(policy);
  const send = (key) => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...formData, key })) form.append(name, value);
    form.append("file", new Blob(["by form"]), "stone.txt");
    return fetch(postURL, { method: "POST", body: form });
  };
  assert.equal((await send("form/stone")).status, 204);
  assert.equal((await read(bucket, "form/stone")).toString(), "by form");
  assert.equal((await send("elsewhere")).status, 403);
});

test("copies", async (t) => {
  const bucket = await bucketFor(t);
  const body = seededBytes(5 * MIB);
  const { etag } = await client.putObject(bucket, "from ü", body, undefined, { a: "1" });
  const source = `/${bucket}/from ü`;
  await client.copyObject(bucket, "copy", source);
  assert.deepEqual(await read(bucket, "copy"), body);
  assert.equal((await client.statObject(bucket, "copy")).metaData.a, "1");
  const unless = new Minio.CopyConditions();
  unless.setMatchETagExcept(etag);
  await refused(client.copyObject(bucket, "other", source, unless), "PreconditionFailed");
  // Not "from ü": composeObject puts the key into a header as it is.
  const sources = ["copy", "copy"].map(
    (Object) => new Minio.CopySourceOptions({ Bucket: bucket, Object }),
  );
  const target = new Minio.CopyDestinationOptions({ Bucket: bucket, Object: "composed" });
  await client.composeObject(target, sources);
  assert.deepEqual(await read(bucket, "composed"), Buffer.concat([body, body]));
});

test("tags", async (t) => {
  const bucket = await bucketFor(t);
  await client.putObject(bucket, "k", "x");
  await client.setObjectTagging(bucket, "k", { stone: "grey", ä: "+" });
  const byKey = (tags) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
  const tags = await client.getObjectTagging(bucket, "k");
  assert.deepEqual(byKey(tags), { stone: "grey", ä: "+" });
  await client.removeObjectTagging(bucket, "k");
  assert.deepEqual(await client.getObjectTagging(bucket, "k"), []);
  await client.setBucketTagging(bucket, { a: "b" });
  assert.deepEqual(byKey(await client.getBucketTagging(bucket)), { a: "b" });
  await client.removeBucketTagging(bucket);
  await refused(client.getBucketTagging(bucket), "NoSuchTagSet");
});

test("versions", async (t) => {
  const bucket = await bucketFor(t);
  await client.setBucketVersioning(bucket, { Status: "Enabled" });
  assert.equal((await client.getBucketVersioning(bucket)).Status, "Enabled");
  const first = await client.putObject(bucket, "k", "first");
  const second = await client.putObject(bucket, "k", "second");
  assert.equal((await read(bucket, "k", { versionId: first.versionId })).toString(), "first");
  await client.removeObject(bucket, "k");
  await refused(client.getObject(bucket, "k"), "NoSuchKey");
  const found = await all(client.listObjects(bucket, "", true, { IncludeVersion: true }));
  const objects = found.filter((one) => !one.isDeleteMarker);
  assert.equal(found.length, 3);
  assert.deepEqual(
    new Set(objects.map((one) => one.versionId)),
    new Set([first.versionId, second.versionId]),
  );
});

test("odd keys", async (t) => {
  const bucket = await bucketFor(t);
  for (const key of ODD_KEYS) await client.putObject(bucket, key, key);
  const listed = (await all(client.listObjectsV2(bucket, "", true))).map((one) => one.name);
  assert.deepEqual(new Set(listed), new Set(ODD_KEYS));
  for (const key of ODD_KEYS) {
    assert.equal((await read(bucket, key)).toString(), key);
    await client.removeObject(bucket, key);
    await refused(client.statObject(bucket, key), "NotFound");
  }
});

test("unfinished uploads", async (t) => {
  const bucket = await bucketFor(t);
  await client.initiateNewMultipartUpload(bucket, "half", {});
  const found = await all(client.listIncompleteUploads(bucket, "", true));
  assert.deepEqual(found.map((one) => one.key), ["half"]);
  await client.removeIncompleteUpload(bucket, "half");
  assert.deepEqual(await all(client.listIncompleteUploads(bucket, "", true)), []);
});

test("settings of a bucket", async (t) => {
  const bucket = await bucketFor(t);
  const policy = {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${bucket}/public/*`,
      },
    ],
  };
  await client.setBucketPolicy(bucket, JSON.stringify(policy));
  assert.deepEqual(JSON.parse(await client.getBucketPolicy(bucket)), policy);
  await client.putObject(bucket, "public/k", "for all");
  await client.putObject(bucket, "private/k", "for some");
  const open = await fetch(`${endpoint.origin}/${bucket}/public/k`);
  assert.equal(await open.text(), "for all");
  assert.equal((await fetch(`${endpoint.origin}/${bucket}/private/k`)).status, 403);
  await client.setBucketLifecycle(bucket, {
    Rule: [{ ID: "old", Status: "Enabled", Filter: { Prefix: "log/" }, Expiration: { Days: 3 } }],
  });
  assert.equal((await client.getBucketLifecycle(bucket)).Rule.ID, "old");
  await client.setBucketEncryption(bucket);
  const stored = await client.getBucketEncryption(bucket);
  assert.match(JSON.stringify(stored), /AES256/);
});

test("buckets and their errors", async (t) => {
  const bucket = await bucketFor(t);
  assert.ok((await client.listBuckets()).some((one) => one.name === bucket));
  await client.putObject(bucket, "k", "x");
  await refused(client.removeBucket(bucket), "BucketNotEmpty");
  await refused(client.putObject(freshName(), "k", "x"), "NoSuchBucket");
  await refused(client.getObject(bucket, "absent"), "NoSuchKey");
  const stranger = new Minio.Client({ ...address, accessKey, secretKey: "wrong" });
  await refused(stranger.getObject(bucket, "k"), "SignatureDoesNotMatch");
});
