package registry

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/nifuda/nifuda/internal/diskspace"
	"github.com/nifuda/nifuda/internal/store"
)

// A Code says what kind of refusal an [Error] is, in ECR's names for them.
type Code string

// The codes that a Registry refuses with (spec B.1). The edges map each to
// their protocol's status and code.
const (
	CodeEmptyUpload              Code = "EmptyUploadException"
	CodeImageDigestDoesNotMatch  Code = "ImageDigestDoesNotMatchException"
	CodeImageNotFound            Code = "ImageNotFoundException"
	CodeImageReferenced          Code = "ImageReferencedByManifestList"
	CodeImageTagAlreadyExists    Code = "ImageTagAlreadyExistsException"
	CodeInvalidLayer             Code = "InvalidLayerException"
	CodeInvalidLayerPart         Code = "InvalidLayerPartException"
	CodeInvalidParameter         Code = "InvalidParameterException"
	CodeInvalidTagParameter      Code = "InvalidTagParameterException"
	CodeKms                      Code = "KmsException"
	CodeLayerInaccessible        Code = "LayerInaccessibleException"
	CodeLayerPartTooSmall        Code = "LayerPartTooSmallException"
	CodeLayersNotFound           Code = "LayersNotFoundException"
	CodeLifecyclePolicyNotFound  Code = "LifecyclePolicyNotFoundException"
	CodeLimitExceeded            Code = "LimitExceededException"
	CodeReferencedImagesNotFound Code = "ReferencedImagesNotFoundException"
	CodeRegistryPolicyNotFound   Code = "RegistryPolicyNotFoundException"
	CodeRepositoryAlreadyExists  Code = "RepositoryAlreadyExistsException"
	CodeRepositoryNotEmpty       Code = "RepositoryNotEmptyException"
	CodeRepositoryNotFound       Code = "RepositoryNotFoundException"
	CodeRepositoryPolicyNotFound Code = "RepositoryPolicyNotFoundException"
	CodeTooManyTags              Code = "TooManyTagsException"
	CodeUploadNotFound           Code = "UploadNotFoundException"
	CodeNotImplemented           Code = "NotImplementedException"
	CodeLayerReferenced          Code = "LayerReferencedByImage"    // ours: ECR cannot delete layers
	CodeUploadInUse              Code = "UploadInUse"               // ours: two requests write to one upload
	CodeSealingKey               Code = "SealingKeyException"       // ours: a key of the ring cannot be changed so
	CodeTagsChanged              Code = "TagsChanged"               // ours: a deletion was allowed for other tags
	CodeDamaged                  Code = "Damaged"                   // ours: what is stored is not what was pushed
	CodeUndeleteDisabled         Code = "UndeleteDisabledException" // ours: nothing that is deleted is kept
	CodeManifestInvalid          Code = "ManifestInvalid"           // ours: a manifest that the OCI specification forbids
)

// An Error is a refusal that the caller is told, word for word. Every other
// error of a [Registry] is internal.
type Error struct {
	Code    Code
	Message string
	// LastValidByte is set with [CodeInvalidLayerPart]: the upload's size minus one.
	LastValidByte int64
	// KMSError is set with [CodeKms]: the code of the error of KMS, "" when KMS
	// was not asked.
	KMSError string
}

func (e *Error) Error() string { return e.Message }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidParameter refuses a parameter in ECR's frame (spec A.4).
func InvalidParameter(parameter, constraint string) *Error {
	return refuse(CodeInvalidParameter, "Invalid parameter at '%s' failed to satisfy constraint: '%s'", parameter, constraint)
}

// KmsRefusal refuses for the key of a repository, in the words of KMS.
func KmsRefusal(kmsError, message string) *Error {
	return &Error{Code: CodeKms, Message: message, KMSError: kmsError}
}

// IsStorageFull reports whether an internal error is a lack of space for blobs
// or metadata, which the caller is told.
func IsStorageFull(err error) bool {
	return store.IsFull(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, diskspace.ErrReserved)
}

// StorageFullMessage is what the caller is told then.
const StorageFullMessage = "The registry has no space left to store this. Nothing that it acknowledged is affected."

// IsStorageBroken reports whether an internal error is a disk that fails, or
// takes no writes, which the caller is told.
func IsStorageBroken(err error) bool {
	return store.IsBroken(err) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.EROFS)
}

// StorageBrokenMessage is what the caller is told then.
const StorageBrokenMessage = "The registry's storage fails or is read-only. Nothing that was acknowledged is affected; try again later."

func repositoryNotFound(n RepositoryName) *Error {
	return refuse(CodeRepositoryNotFound, "The repository with name '%s' does not exist in the registry with id '%s'", n.Name, n.Registry.Account)
}

func repositoryAlreadyExists(n RepositoryName) *Error {
	return refuse(CodeRepositoryAlreadyExists, "The repository with name '%s' already exists in the registry with id '%s'", n.Name, n.Registry.Account)
}

func imageNotFound(n RepositoryName, digest, tag string) *Error {
	return refuse(CodeImageNotFound, "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository with name '%s' in the registry with id '%s'",
		orNull(digest), orNull(tag), n.Name, n.Registry.Account)
}

func tagAlreadyExists(n RepositoryName, tag string) *Error {
	return refuse(CodeImageTagAlreadyExists, "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.", tag, n.Name)
}

func layersNotFound(n RepositoryName, digests []string) *Error {
	return refuse(CodeLayersNotFound, "Layers with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
		joinDigests(digests), n.Name, n.Registry.Account)
}

func layerNotFound(n RepositoryName, digest string) *Error {
	return refuse(CodeLayersNotFound, "The layer with digest '%s' does not exist within the repository with name '%s' in the registry with id '%s'", digest, n.Name, n.Registry.Account)
}

func layerDamaged(n RepositoryName, digest string) *Error {
	return refuse(CodeDamaged, "The layer with digest '%s' in the repository with name '%s' in the registry with id '%s' is damaged where it is stored and cannot be given. Pushing an image with this layer again repairs it",
		digest, n.Name, n.Registry.Account)
}

func imageDamaged(n RepositoryName, digest string) *Error {
	return refuse(CodeDamaged, "The manifest of the image with digest '%s' in the repository with name '%s' in the registry with id '%s' is damaged where it is stored and cannot be given. Pushing the image again repairs it",
		digest, n.Name, n.Registry.Account)
}

func referencedImagesNotFound(n RepositoryName, digests []string) *Error {
	return refuse(CodeReferencedImagesNotFound, "Images with digests '%s' required for pushing image into repository with name '%s' in the registry with id '%s' do not exist",
		joinDigests(digests), n.Name, n.Registry.Account)
}

func uploadNotFound(n RepositoryName, id string) *Error {
	return refuse(CodeUploadNotFound, "The upload with id '%s' does not exist in the repository with name '%s' in the registry with id '%s'", id, n.Name, n.Registry.Account)
}

func referencedByManifestList(parents []string) *Error {
	return refuse(CodeImageReferenced, "Requested image referenced by manifest list: %s", joinDigests(parents))
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
