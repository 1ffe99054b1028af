package iam

import (
	"slices"
	"strings"
)

// The actions of ECR (service authorization reference, "Actions, resources, and
// condition keys for Amazon Elastic Container Registry").
const (
	BatchCheckLayerAvailability             = "ecr:BatchCheckLayerAvailability"
	BatchDeleteImage                        = "ecr:BatchDeleteImage"
	BatchGetImage                           = "ecr:BatchGetImage"
	BatchGetRepositoryScanningConfiguration = "ecr:BatchGetRepositoryScanningConfiguration"
	BatchImportUpstreamImage                = "ecr:BatchImportUpstreamImage" // no operation: pull-through cache
	CompleteLayerUpload                     = "ecr:CompleteLayerUpload"
	CreatePullThroughCacheRule              = "ecr:CreatePullThroughCacheRule"
	CreateRepository                        = "ecr:CreateRepository"
	CreateRepositoryCreationTemplate        = "ecr:CreateRepositoryCreationTemplate"
	DeleteLifecyclePolicy                   = "ecr:DeleteLifecyclePolicy"
	DeletePullThroughCacheRule              = "ecr:DeletePullThroughCacheRule"
	DeleteRegistryPolicy                    = "ecr:DeleteRegistryPolicy"
	DeleteRepository                        = "ecr:DeleteRepository"
	DeleteRepositoryCreationTemplate        = "ecr:DeleteRepositoryCreationTemplate"
	DeleteRepositoryPolicy                  = "ecr:DeleteRepositoryPolicy"
	DeleteSigningConfiguration              = "ecr:DeleteSigningConfiguration"
	DeregisterPullTimeUpdateExclusion       = "ecr:DeregisterPullTimeUpdateExclusion"
	DescribeImageReplicationStatus          = "ecr:DescribeImageReplicationStatus"
	DescribeImageScanFindings               = "ecr:DescribeImageScanFindings"
	DescribeImageSigningStatus              = "ecr:DescribeImageSigningStatus"
	DescribeImages                          = "ecr:DescribeImages"
	DescribePullThroughCacheRules           = "ecr:DescribePullThroughCacheRules"
	DescribeRegistry                        = "ecr:DescribeRegistry"
	DescribeReplicationBackfillResults      = "ecr:DescribeReplicationBackfillResults"
	DescribeRepositories                    = "ecr:DescribeRepositories"
	DescribeRepositoryCreationTemplates     = "ecr:DescribeRepositoryCreationTemplates"
	GetAccountSetting                       = "ecr:GetAccountSetting"
	GetAuthorizationToken                   = "ecr:GetAuthorizationToken"
	GetDownloadURLForLayer                  = "ecr:GetDownloadUrlForLayer"
	GetImageCopyStatus                      = "ecr:GetImageCopyStatus" // no operation
	GetLifecyclePolicy                      = "ecr:GetLifecyclePolicy"
	GetLifecyclePolicyPreview               = "ecr:GetLifecyclePolicyPreview"
	GetRegistryPolicy                       = "ecr:GetRegistryPolicy"
	GetRegistryScanningConfiguration        = "ecr:GetRegistryScanningConfiguration"
	GetRepositoryPolicy                     = "ecr:GetRepositoryPolicy"
	GetSigningConfiguration                 = "ecr:GetSigningConfiguration"
	InitiateLayerUpload                     = "ecr:InitiateLayerUpload"
	ListImages                              = "ecr:ListImages"
	ListPullTimeUpdateExclusions            = "ecr:ListPullTimeUpdateExclusions"
	ListReplicationBackfills                = "ecr:ListReplicationBackfills"
	ListTagsForResource                     = "ecr:ListTagsForResource"
	PutAccountSetting                       = "ecr:PutAccountSetting"
	PutImage                                = "ecr:PutImage"
	PutImageScanningConfiguration           = "ecr:PutImageScanningConfiguration"
	PutImageTagMutability                   = "ecr:PutImageTagMutability"
	PutLifecyclePolicy                      = "ecr:PutLifecyclePolicy"
	PutRegistryPolicy                       = "ecr:PutRegistryPolicy"
	PutRegistryScanningConfiguration        = "ecr:PutRegistryScanningConfiguration"
	PutReplicationConfiguration             = "ecr:PutReplicationConfiguration"
	PutSigningConfiguration                 = "ecr:PutSigningConfiguration"
	RegisterPullTimeUpdateExclusion         = "ecr:RegisterPullTimeUpdateExclusion"
	ReplicateImage                          = "ecr:ReplicateImage" // no operation: replication
	SetRepositoryPolicy                     = "ecr:SetRepositoryPolicy"
	StartImageScan                          = "ecr:StartImageScan"
	StartLifecyclePolicyPreview             = "ecr:StartLifecyclePolicyPreview"
	StartReplicationBackfill                = "ecr:StartReplicationBackfill"
	StopReplicationBackfill                 = "ecr:StopReplicationBackfill"
	TagResource                             = "ecr:TagResource"
	UntagResource                           = "ecr:UntagResource"
	UpdateImageStorageClass                 = "ecr:UpdateImageStorageClass"
	UpdatePullThroughCacheRule              = "ecr:UpdatePullThroughCacheRule"
	UpdateRepositoryCreationTemplate        = "ecr:UpdateRepositoryCreationTemplate"
	UploadLayerPart                         = "ecr:UploadLayerPart"
	ValidatePullThroughCacheRule            = "ecr:ValidatePullThroughCacheRule"
)

// The actions of nifuda's own API that are about a repository. Its policy decides
// about them as it does about those of ECR.
const (
	DescribePullStatistics     = "nifuda:DescribePullStatistics"
	DescribeRegistryStatistics = "nifuda:DescribeRegistryStatistics"
	DescribeStorage            = "nifuda:DescribeStorage"
	DescribeTagHistory         = "nifuda:DescribeTagHistory"
	ListDeletedImages          = "nifuda:ListDeletedImages"
	ListDeletedRepositories    = "nifuda:ListDeletedRepositories"
	ListEvents                 = "nifuda:ListEvents"
	RestoreImage               = "nifuda:RestoreImage"
	RestoreRepository          = "nifuda:RestoreRepository"
	RestoreTag                 = "nifuda:RestoreTag"
	SearchImages               = "nifuda:SearchImages"
	SearchRepositories         = "nifuda:SearchRepositories"
	SearchTags                 = "nifuda:SearchTags"
)

// The actions that requests to /v2/ need on the repository that they name. A
// mount needs [StartUpload] on the target and [MountSource] on the source.
// Asking for an upload's progress and cancelling it are as writing to it.
const (
	ReadManifest   = BatchGetImage               // HEAD, GET manifests/<reference>
	WriteManifest  = PutImage                    // PUT manifests/<reference>
	DeleteManifest = BatchDeleteImage            // DELETE manifests/<reference>
	CheckBlob      = BatchCheckLayerAvailability // HEAD blobs/<digest>
	ReadBlob       = GetDownloadURLForLayer      // GET blobs/<digest>
	DeleteBlob     = BatchDeleteImage            // DELETE blobs/<digest>
	StartUpload    = InitiateLayerUpload         // POST blobs/uploads/
	MountSource    = GetDownloadURLForLayer      // POST blobs/uploads/?mount=&from=
	WriteUpload    = UploadLayerPart             // PATCH, GET, DELETE blobs/uploads/<id>
	FinishUpload   = CompleteLayerUpload         // PUT blobs/uploads/<id>?digest=
	ListTags       = ListImages                  // GET tags/list
	ListReferrers  = BatchGetImage               // GET referrers/<digest>
	ListCatalog    = DescribeRepositories        // GET /v2/_catalog
)

// OperationAction returns the action that an operation of the ECR API needs on
// what it names. It is the operation's own, except that ListImageReferrers has
// none and needs [BatchGetImage].
func OperationAction(operation string) string {
	if operation == "ListImageReferrers" {
		return BatchGetImage
	}
	return ecrService + ":" + operation
}

const (
	ecrService = "ecr"
	ownService = "nifuda"
)

// IsOfRepositories reports whether an action on a resource, given by its ARN, is
// for the policies of repositories and registries to decide about too.
func IsOfRepositories(action, resource string) bool {
	service, _, _ := strings.Cut(action, ":")
	if service == ecrService {
		return strings.HasPrefix(resource, "arn:")
	}
	return slices.Contains(ownActions, action) && validRepositoryPattern(resource)
}

// ownActions are those of our own that a resource policy may name.
var ownActions = []string{DescribePullStatistics, DescribeRegistryStatistics, DescribeStorage, DescribeTagHistory, ListDeletedImages, ListDeletedRepositories, ListEvents, RestoreImage, RestoreRepository, RestoreTag, SearchImages, SearchRepositories, SearchTags}

// ecrActions are those of ECR that a resource policy may name.
var ecrActions = []string{
	BatchCheckLayerAvailability, BatchDeleteImage, BatchGetImage, BatchGetRepositoryScanningConfiguration, BatchImportUpstreamImage,
	CompleteLayerUpload, CreatePullThroughCacheRule, CreateRepository, CreateRepositoryCreationTemplate, DeleteLifecyclePolicy,
	DeletePullThroughCacheRule, DeleteRegistryPolicy, DeleteRepository, DeleteRepositoryCreationTemplate, DeleteRepositoryPolicy,
	DeleteSigningConfiguration, DeregisterPullTimeUpdateExclusion, DescribeImageReplicationStatus, DescribeImageScanFindings,
	DescribeImageSigningStatus, DescribeImages, DescribePullThroughCacheRules, DescribeRegistry, DescribeReplicationBackfillResults,
	DescribeRepositories,
	DescribeRepositoryCreationTemplates, GetAccountSetting, GetAuthorizationToken, GetDownloadURLForLayer, GetImageCopyStatus,
	GetLifecyclePolicy, GetLifecyclePolicyPreview, GetRegistryPolicy, GetRegistryScanningConfiguration, GetRepositoryPolicy,
	GetSigningConfiguration, InitiateLayerUpload, ListImages, ListPullTimeUpdateExclusions, ListReplicationBackfills, ListTagsForResource, PutAccountSetting,
	PutImage, PutImageScanningConfiguration, PutImageTagMutability, PutLifecyclePolicy, PutRegistryPolicy,
	PutRegistryScanningConfiguration, PutReplicationConfiguration, PutSigningConfiguration, RegisterPullTimeUpdateExclusion,
	ReplicateImage, SetRepositoryPolicy, StartImageScan, StartLifecyclePolicyPreview, StartReplicationBackfill,
	StopReplicationBackfill, TagResource, UntagResource,
	UpdateImageStorageClass, UpdatePullThroughCacheRule, UpdateRepositoryCreationTemplate, UploadLayerPart, ValidatePullThroughCacheRule,
}
