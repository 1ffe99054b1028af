"""Walks through the operations of KMS with boto3, configured by the environment
and, for a boto3 that cannot read the address from there, by the first argument.
What an old boto3 does not know is left out and said."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = {"endpoint_url": sys.argv[1]} if len(sys.argv) > 1 else {}
kms = boto3.client("kms", config=Config(retries={"max_attempts": 0}), **endpoint)
model = kms.meta.service_model
called = set()


def call(operation, **members):
    called.add(operation)
    if operation not in model.operation_names:
        print(operation + " is not known to boto3 " + boto3.__version__)
        return {}
    method = "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")
    return getattr(kms, method)(**members)


def knows(operation, member):
    return operation in model.operation_names and member in model.operation_model(operation).input_shape.members


def refused(code, message, operation, **members):
    try:
        call(operation, **members)
    except ClientError as error:
        got = error.response["Error"]
        assert got["Code"] == code and message in got["Message"], got
    else:
        raise AssertionError(operation + " was not refused with " + code)


def check(condition, what):
    assert condition, what


key = call("CreateKey", Description="walk", Tags=[{"TagKey": "team", "TagValue": "blue"}])["KeyMetadata"]
ID, ARN = key["KeyId"], key["Arn"]
ACCOUNT = key["AWSAccountId"]
ROOT = "arn:aws:iam::" + ACCOUNT + ":root"
check(key["KeyState"] == "Enabled" and key["KeyManager"] == "CUSTOMER" and key["Enabled"], key)
refused("UnsupportedOperationException", "", "CreateKey", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
second = call("CreateKey")["KeyMetadata"]["KeyId"]
check(call("DescribeKey", KeyId=ID)["KeyMetadata"]["Description"] == "walk", ID)
refused("NotFoundException", "Invalid keyId 'x'", "DescribeKey", KeyId="x")
refused("NotFoundException", "Key '" + ARN[:-36] + "00000000-0000-4000-8000-000000000000' does not exist", "DescribeKey", KeyId="00000000-0000-4000-8000-000000000000")
check({k["KeyId"] for k in call("ListKeys", Limit=1000)["Keys"]} >= {ID, second}, "listed")
pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1}))
check(len(pages) >= 2, pages)
call("UpdateKeyDescription", KeyId=ID, Description="walked")

call("CreateAlias", AliasName="alias/walk", TargetKeyId=ID)
refused("AlreadyExistsException", "An alias with the name " + ARN.replace("key/" + ID, "alias/walk") + " already exists", "CreateAlias", AliasName="alias/walk", TargetKeyId=second)
refused("NotAuthorizedException", "", "CreateAlias", AliasName="alias/aws/walk", TargetKeyId=second)
refused("InvalidAliasNameException", "", "CreateAlias", AliasName="walk", TargetKeyId=second)
call("UpdateAlias", AliasName="alias/walk", TargetKeyId=second)
check(call("ListAliases", KeyId=second)["Aliases"][0]["AliasName"] == "alias/walk", "alias")
call("UpdateAlias", AliasName="alias/walk", TargetKeyId=ID)

context = {"repository": "app", "émoji": "✓"}
sealed = call("Encrypt", KeyId="alias/walk", Plaintext=b"hello", EncryptionContext=context)
check(sealed["KeyId"] == ARN, sealed)
check(call("Decrypt", CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == b"hello", "hello")
refused("InvalidCiphertextException", "", "Decrypt", CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={})
refused("IncorrectKeyException", "", "Decrypt", CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=context, KeyId=second)
moved = call("ReEncrypt", CiphertextBlob=sealed["CiphertextBlob"], SourceEncryptionContext=context, DestinationKeyId=second)
check(call("Decrypt", CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"hello", "moved")
data = call("GenerateDataKey", KeyId=ARN, KeySpec="AES_256")
check(len(data["Plaintext"]) == 32, "32 bytes")
hidden = call("GenerateDataKeyWithoutPlaintext", KeyId=ID, NumberOfBytes=64)
check("Plaintext" not in hidden and len(call("Decrypt", CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 64, "64 bytes")
if knows("Encrypt", "DryRun"):
    refused("DryRunOperationException", "", "Encrypt", KeyId=ID, Plaintext=b"x", DryRun=True)

call("EnableKeyRotation", KeyId=ID)
check(call("GetKeyRotationStatus", KeyId=ID)["KeyRotationEnabled"], "rotation")
call("DisableKeyRotation", KeyId=ID)
check(not call("GetKeyRotationStatus", KeyId=ID)["KeyRotationEnabled"], "no rotation")
call("RotateKeyOnDemand", KeyId=ID)
check(call("Decrypt", CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"], "old material")

policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}]})
check("Enable IAM User Permissions" in call("GetKeyPolicy", KeyId=ID, PolicyName="default")["Policy"], "default policy")
check(call("ListKeyPolicies", KeyId=ID)["PolicyNames"] == ["default"], "policies")
call("PutKeyPolicy", KeyId=ID, PolicyName="default", Policy=policy)
refused("MalformedPolicyDocumentException", "not allow you to update the key policy", "PutKeyPolicy", KeyId=ID, PolicyName="default", Policy=policy.replace("kms:*", "kms:Encrypt"))

call("TagResource", KeyId=ID, Tags=[{"TagKey": "env", "TagValue": ""}])
call("UntagResource", KeyId=ID, TagKeys=["team"])
check(call("ListResourceTags", KeyId=ID)["Tags"] == [{"TagKey": "env", "TagValue": ""}], "tags")

terms = {"KeyId": ID, "GranteePrincipal": ROOT, "Operations": ["Encrypt", "Decrypt"], "Name": "walk", "Constraints": {"EncryptionContextSubset": {"a": "b"}}}
granted = call("CreateGrant", **terms)
check(call("CreateGrant", **terms)["GrantId"] == granted["GrantId"], "one grant")
check(call("ListGrants", KeyId=ID)["Grants"][0]["Constraints"] == terms["Constraints"], "grants")
call("RetireGrant", GrantToken=granted["GrantToken"])
refused("InvalidGrantTokenException", "", "RetireGrant", GrantToken=granted["GrantToken"])
granted = call("CreateGrant", **terms)
call("RevokeGrant", KeyId=ID, GrantId=granted["GrantId"])
check(call("ListGrants", KeyId=ID)["Grants"] == [], "no grants")

call("DisableKey", KeyId=ID)
refused("DisabledException", ARN + " is disabled.", "Encrypt", KeyId=ID, Plaintext=b"x")
call("EnableKey", KeyId=ID)
call("DeleteAlias", AliasName="alias/walk")
refused("NotFoundException", "alias/walk is not found.", "Encrypt", KeyId="alias/walk", Plaintext=b"x")
check(call("ScheduleKeyDeletion", KeyId=ID, PendingWindowInDays=7)["KeyId"] == ARN, "scheduled")
refused("KMSInvalidStateException", ARN + " is pending deletion.", "Decrypt", CiphertextBlob=data["CiphertextBlob"])
call("CancelKeyDeletion", KeyId=ID)
check(call("DescribeKey", KeyId=ID)["KeyMetadata"]["KeyState"] == "Disabled", "disabled")

managed = call("DescribeKey", KeyId="alias/aws/ecr")["KeyMetadata"]
check(managed["KeyManager"] == "AWS", managed)
refused("AccessDeniedException", "kms:ScheduleKeyDeletion", "ScheduleKeyDeletion", KeyId=managed["KeyId"])
check(len(called) == 31, sorted(called))
print("walked through %d operations" % len(called))
