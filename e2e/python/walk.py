"""Walks through a registry with boto3, configured by the environment and, for a
boto3 that cannot read the address from there, by the first argument."""

import base64
import hashlib
import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint = {"endpoint_url": sys.argv[1]} if len(sys.argv) > 1 else {}
ecr = boto3.client("ecr", config=Config(retries={"max_attempts": 0}), **endpoint)
REPOSITORY = "python"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def upload(blob):
    started = ecr.initiate_layer_upload(repositoryName=REPOSITORY)
    ecr.upload_layer_part(
        repositoryName=REPOSITORY, uploadId=started["uploadId"],
        partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob)
    done = ecr.complete_layer_upload(
        repositoryName=REPOSITORY, uploadId=started["uploadId"], layerDigests=[sha256(blob)])
    assert done["layerDigest"] == sha256(blob), done


def image(text):
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "text": text}).encode()
    layer = b"a layer: " + text.encode()
    upload(config)
    upload(layer)
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config), "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(layer), "size": len(layer)}],
    })
    return layer, manifest


def refused(code, message, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        got = error.response["Error"]
        assert got["Code"] == code and message in got["Message"], got
    else:
        raise AssertionError("not refused with " + code)


created = ecr.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")["repository"]
assert created["repositoryName"] == REPOSITORY, created
token = ecr.get_authorization_token()["authorizationData"][0]
assert base64.b64decode(token["authorizationToken"]).startswith(b"AWS:")

layer, manifest = image("first")
stored = ecr.put_image(repositoryName=REPOSITORY, imageTag="v1", imageManifest=manifest)["image"]
assert stored["imageId"] == {"imageDigest": sha256(manifest.encode()), "imageTag": "v1"}, stored
_, other = image("second")
refused("ImageTagAlreadyExistsException",
        "The image tag 'v1' already exists in the 'python' repository and cannot be overwritten because the tag is immutable.",
        ecr.put_image, repositoryName=REPOSITORY, imageTag="v1", imageManifest=other)

details = list(ecr.get_paginator("describe_images").paginate(repositoryName=REPOSITORY, PaginationConfig={"PageSize": 1}))
assert [detail["imageTags"] for page in details for detail in page["imageDetails"]] == [["v1"]], details
url = ecr.get_download_url_for_layer(repositoryName=REPOSITORY, layerDigest=sha256(layer))["downloadUrl"]
assert urllib.request.urlopen(url).read() == layer

refused("RepositoryNotFoundException",
        "The repository with name 'missing' does not exist in the registry with id '123456789012'",
        ecr.describe_images, repositoryName="missing")
refused("NotImplementedException", "is not implemented yet by this registry",
        ecr.put_replication_configuration, replicationConfiguration={"rules": []})

assert ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])["failures"] == []
ecr.delete_repository(repositoryName=REPOSITORY)
stranger = boto3.client("ecr", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="wrong", **endpoint)
refused("UnrecognizedClientException", "", stranger.get_authorization_token)
print("walked with boto3", boto3.__version__)
