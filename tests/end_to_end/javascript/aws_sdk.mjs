// @aws-sdk/client-s3 with its default settings: keys, region and endpoint come from the environment.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import * as S3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

import { MIB, ODD_KEYS, freshName, seededBytes, streamOf } from "./material.mjs";

const s3 = new S3.S3({});

// Kept connections would keep the process.
after(() => s3.destroy());

// A bucket for this test alone, removed with all that is in it.
async function bucketFor(t) {
  const Bucket = freshName();
  await s3.createBucket({ Bucket });
  t.after(async () => {
    for (const { Key, UploadId } of (await s3.listMultipartUploads({ Bucket })).Uploads ?? []) {
      await s3.abortMultipartUpload({ Bucket, Key, UploadId });
    }
    const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket });
    for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
      await s3.deleteObject({ Bucket, Key, VersionId });
    }
    await s3.deleteBucket({ Bucket });
  });
  return Bucket;
}

async function read(input) {
  return Buffer.from(await (await s3.getObject(input)).Body.transformToByteArray());
}

// Whether the promise is refused with this S3 code and HTTP status.
async function refused(promise, name, status) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, name, `${error.name}: ${error.message}`);
    assert.equal(error.$metadata.httpStatusCode, status);
    return true;
  });
}

test("put, get and head", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(300_000);
  const at = { Bucket, Key: "folder/ü" };
  const put = await s3.putObject({
    ...at,
    Body: body,
    ContentType: "text/stone",
    CacheControl: "no-cache",
    Metadata: { colour: "grey" },
  });
  assert.ok(put.ChecksumCRC32, "the SDK's default checksum is answered");
  assert.deepEqual(await read(at), body);
  const head = await s3.headObject(at);
  assert.equal(head.ContentLength, body.length);
  assert.equal(head.ContentType, "text/stone");
  assert.equal(head.CacheControl, "no-cache");
  assert.deepEqual(head.Metadata, { colour: "grey" });
  assert.equal(head.ETag, put.ETag);
  assert.ok(Math.abs(head.LastModified - Date.now()) < 60_000);
  await s3.putObject({ Bucket, Key: "empty", Body: "" });
  assert.deepEqual(await read({ Bucket, Key: "empty" }), Buffer.alloc(0));
});

test("streams in and out", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(3 * MIB + 17);
  const at = { Bucket, Key: "stream" };
  await s3.putObject({ ...at, Body: streamOf(body), ContentLength: body.length });
  const pieces = [];
  for await (const piece of (await s3.getObject(at)).Body) pieces.push(piece);
  assert.deepEqual(Buffer.concat(pieces), body);
});

test("ranges", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(2 * MIB);
  const at = { Bucket, Key: "k" };
  await s3.putObject({ ...at, Body: body });
  const part = await s3.getObject({ ...at, Range: "bytes=1048570-1048589" });
  assert.equal(part.ContentRange, `bytes 1048570-1048589/${body.length}`);
  assert.equal(part.ContentLength, 20);
  assert.deepEqual(
    Buffer.from(await part.Body.transformToByteArray()),
    body.subarray(1048570, 1048590),
  );
  assert.deepEqual(await read({ ...at, Range: "bytes=-5" }), body.subarray(-5));
  await refused(s3.getObject({ ...at, Range: `bytes=${body.length}-` }), "InvalidRange", 416);
});

test("listing page by page", async (t) => {
  const Bucket = await bucketFor(t);
  const keys = ["a/1", "a/2", "a/b/3", "c", "ä", "z 1", "z+2"];
  for (const Key of keys) await s3.putObject({ Bucket, Key, Body: Key });
  const byBytes = [...keys].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  const listed = [];
  let pages = 0;
  for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
    pages += 1;
    assert.ok(page.KeyCount <= 2);
    listed.push(...page.Contents.map((one) => one.Key));
  }
  assert.deepEqual(listed, byBytes);
  assert.equal(pages, 4);
  const folders = await s3.listObjectsV2({ Bucket, Delimiter: "/", Prefix: "a/" });
  assert.deepEqual(folders.Contents.map((one) => one.Key), ["a/1", "a/2"]);
  assert.deepEqual(folders.CommonPrefixes, [{ Prefix: "a/b/" }]);
  assert.equal(folders.Contents[0].Size, 3);
  const rest = await s3.listObjectsV2({ Bucket, StartAfter: "c", EncodingType: "url" });
  assert.deepEqual(rest.Contents.map((one) => decodeURIComponent(one.Key.replaceAll("+", " "))), byBytes.slice(4));
  const old = await s3.listObjects({ Bucket, Marker: "a/2", MaxKeys: 1 });
  assert.deepEqual(old.Contents.map((one) => one.Key), ["a/b/3"]);
  assert.equal(old.IsTruncated, true);
});

test("lib-storage uploads a stream in parts", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(12 * MIB + 5);
  const at = { Bucket, Key: "parts" };
  const done = await new Upload({ client: s3, params: { ...at, Body: streamOf(body) } }).done();
  assert.match(done.ETag, /-3"$/);
  assert.deepEqual(await read(at), body);
  const second = await s3.getObject({ ...at, PartNumber: 2 });
  assert.equal(second.PartsCount, 3);
  assert.deepEqual(
    Buffer.from(await second.Body.transformToByteArray()),
    body.subarray(5 * MIB, 10 * MIB),
  );
});

test("lib-storage gives up an upload", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(6 * MIB);
  const upload = new Upload({ client: s3, params: { Bucket, Key: "k", Body: streamOf(body) } });
  upload.on("httpUploadProgress", () => upload.abort());
  await assert.rejects(upload.done(), { name: "AbortError" });
  await refused(s3.getObject({ Bucket, Key: "k" }), "NoSuchKey", 404);
});

test("multipart step by step", async (t) => {
  const Bucket = await bucketFor(t);
  const at = { Bucket, Key: "steps" };
  const bodies = [seededBytes(5 * MIB, "one"), seededBytes(100, "two")];
  const { UploadId } = await s3.createMultipartUpload({ ...at, ContentType: "text/parts" });
  const Parts = [];
  for (const [index, Body] of bodies.entries()) {
    const PartNumber = index + 1;
    const part = await s3.uploadPart({ ...at, UploadId, PartNumber, Body });
    Parts.push({ PartNumber, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 });
  }
  const listed = await s3.listParts({ ...at, UploadId });
  assert.deepEqual(listed.Parts.map((part) => part.Size), [5 * MIB, 100]);
  const wrong = { Parts: [{ ...Parts[0], ETag: '"0000"' }, Parts[1]] };
  await refused(
    s3.completeMultipartUpload({ ...at, UploadId, MultipartUpload: wrong }),
    "InvalidPart",
    400,
  );
  await s3.completeMultipartUpload({ ...at, UploadId, MultipartUpload: { Parts } });
  assert.deepEqual(await read(at), Buffer.concat(bodies));
  assert.equal((await s3.headObject(at)).ContentType, "text/parts");
  await refused(s3.listParts({ ...at, UploadId: "absent" }), "NoSuchUpload", 404);
});

test("presigned URLs", async (t) => {
  const Bucket = await bucketFor(t);
  const at = { Bucket, Key: "signed ü+" };
  const put = await getSignedUrl(s3, new S3.PutObjectCommand(at), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: "PUT", body: "by url" })).status, 200);
  const get = await getSignedUrl(
    s3,
    new S3.GetObjectCommand({ ...at, ResponseContentType: "text/other" }),
  );
  const got = await fetch(get);
  assert.equal(await got.text(), "by url");
  assert.equal(got.headers.get("content-type"), "text/other");
  const bent = await fetch(get.replace("text%2Fother", "text%2Fhtml"));
  assert.equal(bent.status, 403);
  assert.match(await bent.text(), /<Code>SignatureDoesNotMatch<\/Code>/);
});

test("presigned forms", async (t) => {
  const Bucket = await bucketFor(t);
  const { url, fields } = await createPresignedPost(s3, {
    Bucket,
    Key: "form/${filename}",
    Conditions: [["content-length-range", 1, 100]],
  });
  const send = async (text) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", new Blob([text]), "stone.txt");
    return fetch(url, { method: "POST", body: form });
  };
  assert.equal((await send("by form")).status, 204);
  assert.equal((await read({ Bucket, Key: "form/stone.txt" })).toString(), "by form");
  const large = await send("x".repeat(101));
  assert.equal(large.status, 400);
  assert.match(await large.text(), /<Code>EntityTooLarge<\/Code>/);
});

test("copies", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(6 * MIB);
  const CopySource = `${Bucket}/${encodeURIComponent("from ü")}`;
  await s3.putObject({ Bucket, Key: "from ü", Body: body, Metadata: { a: "1" } });
  await s3.copyObject({ Bucket, Key: "same", CopySource });
  assert.deepEqual((await s3.headObject({ Bucket, Key: "same" })).Metadata, { a: "1" });
  await s3.copyObject({
    ...{ Bucket, Key: "changed", CopySource, MetadataDirective: "REPLACE" },
    Metadata: { b: "2" },
  });
  assert.deepEqual((await s3.headObject({ Bucket, Key: "changed" })).Metadata, { b: "2" });
  assert.deepEqual(await read({ Bucket, Key: "changed" }), body);
  const at = { Bucket, Key: "part" };
  const { UploadId } = await s3.createMultipartUpload(at);
  const { CopyPartResult } = await s3.uploadPartCopy({
    ...{ ...at, UploadId, PartNumber: 1, CopySource },
    CopySourceRange: "bytes=10-19",
  });
  const Parts = [{ PartNumber: 1, ETag: CopyPartResult.ETag }];
  await s3.completeMultipartUpload({ ...at, UploadId, MultipartUpload: { Parts } });
  assert.deepEqual(await read(at), body.subarray(10, 20));
  await refused(
    s3.copyObject({ Bucket, Key: "x", CopySource: `${Bucket}/absent` }),
    "NoSuchKey",
    404,
  );
});

test("tags", async (t) => {
  const Bucket = await bucketFor(t);
  const at = { Bucket, Key: "k" };
  const byKey = (tags) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
  await s3.putObject({ ...at, Body: "x", Tagging: "stone=grey&weight=12%20t" });
  const tags = (await s3.getObjectTagging(at)).TagSet;
  assert.deepEqual(byKey(tags), { stone: "grey", weight: "12 t" });
  assert.equal((await s3.getObject(at)).TagCount, 2);
  await s3.putObjectTagging({ ...at, Tagging: { TagSet: [{ Key: "ä", Value: "+" }] } });
  assert.deepEqual(byKey((await s3.getObjectTagging(at)).TagSet), { ä: "+" });
  await s3.deleteObjectTagging(at);
  assert.deepEqual((await s3.getObjectTagging(at)).TagSet ?? [], []);
  await refused(s3.getBucketTagging({ Bucket }), "NoSuchTagSet", 404);
  await s3.putBucketTagging({ Bucket, Tagging: { TagSet: [{ Key: "a", Value: "b" }] } });
  assert.deepEqual(byKey((await s3.getBucketTagging({ Bucket })).TagSet), { a: "b" });
});

test("versions", async (t) => {
  const Bucket = await bucketFor(t);
  const at = { Bucket, Key: "k" };
  await s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
  assert.equal((await s3.getBucketVersioning({ Bucket })).Status, "Enabled");
  const first = await s3.putObject({ ...at, Body: "first" });
  const second = await s3.putObject({ ...at, Body: "second" });
  assert.notEqual(first.VersionId, second.VersionId);
  assert.equal((await read({ ...at, VersionId: first.VersionId })).toString(), "first");
  const hidden = await s3.deleteObject(at);
  assert.equal(hidden.DeleteMarker, true);
  await refused(s3.getObject(at), "NoSuchKey", 404);
  const { Versions, DeleteMarkers } = await s3.listObjectVersions({ Bucket });
  assert.deepEqual(Versions.map((one) => one.VersionId), [second.VersionId, first.VersionId]);
  assert.deepEqual(DeleteMarkers.map((one) => one.VersionId), [hidden.VersionId]);
  await s3.deleteObject({ ...at, VersionId: hidden.VersionId });
  assert.equal((await read(at)).toString(), "second");
});

test("conditions", async (t) => {
  const Bucket = await bucketFor(t);
  const at = { Bucket, Key: "k" };
  const { ETag } = await s3.putObject({ ...at, Body: "first", IfNoneMatch: "*" });
  await refused(s3.putObject({ ...at, Body: "x", IfNoneMatch: "*" }), "PreconditionFailed", 412);
  await refused(s3.putObject({ ...at, Body: "x", IfMatch: '"other"' }), "PreconditionFailed", 412);
  await s3.putObject({ ...at, Body: "second", IfMatch: ETag });
  assert.equal((await read(at)).toString(), "second");
  await refused(s3.getObject({ ...at, IfMatch: ETag }), "PreconditionFailed", 412);
  const now = (await s3.headObject(at)).ETag;
  await assert.rejects(s3.getObject({ ...at, IfNoneMatch: now }), (error) => {
    assert.equal(error.$metadata.httpStatusCode, 304);
    return true;
  });
});

test("deletes", async (t) => {
  const Bucket = await bucketFor(t);
  for (const Key of ["a", "b<&>", "c"]) await s3.putObject({ Bucket, Key, Body: "x" });
  await s3.deleteObject({ Bucket, Key: "a" });
  await s3.deleteObject({ Bucket, Key: "a" });
  const Objects = ["b<&>", "absent"].map((Key) => ({ Key }));
  const done = await s3.deleteObjects({ Bucket, Delete: { Objects } });
  assert.deepEqual(done.Deleted.map((one) => one.Key).sort(), ["absent", "b<&>"]);
  assert.equal(done.Errors, undefined);
  const left = await s3.listObjectsV2({ Bucket });
  assert.deepEqual(left.Contents.map((one) => one.Key), ["c"]);
});

test("odd keys", async (t) => {
  const Bucket = await bucketFor(t);
  for (const Key of ODD_KEYS) await s3.putObject({ Bucket, Key, Body: Key });
  const listed = (await s3.listObjectsV2({ Bucket })).Contents.map((one) => one.Key);
  assert.deepEqual(new Set(listed), new Set(ODD_KEYS));
  for (const Key of ODD_KEYS) {
    assert.equal((await read({ Bucket, Key })).toString(), Key);
    const CopySource = `${Bucket}/${encodeURIComponent(Key)}`;
    await s3.copyObject({ Bucket, Key: "copy", CopySource });
    assert.equal((await read({ Bucket, Key: "copy" })).toString(), Key);
    await s3.deleteObject({ Bucket, Key });
    await refused(s3.headObject({ Bucket, Key }), "NotFound", 404);
  }
});

test("checksums", async (t) => {
  const Bucket = await bucketFor(t);
  const body = seededBytes(100_000);
  for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    const at = { Bucket, Key: algorithm };
    const field = `Checksum${algorithm}`;
    const put = await s3.putObject({ ...at, Body: body, ChecksumAlgorithm: algorithm });
    const got = await s3.getObject(at);
    assert.equal(got[field], put[field]);
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), body);
    const told = await s3.getObjectAttributes({
      ...at,
      ObjectAttributes: ["Checksum", "ObjectSize", "ETag"],
    });
    assert.equal(told.Checksum[field], put[field]);
    assert.equal(told.ObjectSize, body.length);
  }
  const wrong = { Bucket, Key: "wrong", Body: "x", ChecksumSHA256: `${"A".repeat(43)}=` };
  await refused(s3.putObject(wrong), "BadDigest", 400);
  await refused(s3.headObject({ Bucket, Key: "wrong" }), "NotFound", 404);
});

test("settings of a bucket", async (t) => {
  const Bucket = await bucketFor(t);
  const CORSRules = [{ AllowedMethods: ["GET"], AllowedOrigins: ["https://a.example"] }];
  await s3.putBucketCors({ Bucket, CORSConfiguration: { CORSRules } });
  assert.deepEqual((await s3.getBucketCors({ Bucket })).CORSRules, CORSRules);
  const Rules = [
    { ID: "old", Status: "Enabled", Filter: { Prefix: "log/" }, Expiration: { Days: 3 } },
  ];
  await s3.putBucketLifecycleConfiguration({ Bucket, LifecycleConfiguration: { Rules } });
  const kept = await s3.getBucketLifecycleConfiguration({ Bucket });
  assert.deepEqual(kept.Rules, Rules);
  const sealed = await s3.putObject({ Bucket, Key: "k", Body: "x", ServerSideEncryption: "AES256" });
  assert.equal(sealed.ServerSideEncryption, "AES256");
  assert.equal((await read({ Bucket, Key: "k" })).toString(), "x");
});

test("buckets and their errors", async (t) => {
  const Bucket = await bucketFor(t);
  await S3.waitUntilBucketExists({ client: s3, maxWaitTime: 20 }, { Bucket });
  assert.ok((await s3.listBuckets({})).Buckets.some((one) => one.Name === Bucket));
  await s3.putObject({ Bucket, Key: "k", Body: "x" });
  await refused(s3.deleteBucket({ Bucket }), "BucketNotEmpty", 409);
  await refused(s3.headBucket({ Bucket: freshName() }), "NotFound", 404);
  await refused(s3.listObjectsV2({ Bucket: freshName() }), "NoSuchBucket", 404);
  await refused(s3.createBucket({ Bucket: "UPPER" }), "InvalidBucketName", 400);
  await assert.rejects(s3.getObject({ Bucket, Key: "absent" }), S3.NoSuchKey);
  await refused(s3.getBucketPolicy({ Bucket }), "NoSuchBucketPolicy", 404);
});

test("wrong keys", async () => {
  const strangers = [
    ["nobody", "wrong", "InvalidAccessKeyId"],
    [process.env.AWS_ACCESS_KEY_ID, "wrong", "SignatureDoesNotMatch"],
  ];
  for (const [accessKeyId, secretAccessKey, name] of strangers) {
    const stranger = new S3.S3({ credentials: { accessKeyId, secretAccessKey } });
    await refused(stranger.listBuckets({}), name, 403);
    stranger.destroy();
  }
});
