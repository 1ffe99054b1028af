package e2e_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// ecrClient is the SDK's client, configured by the files that the server wrote
// and nothing else.
func ecrClient(t *testing.T, s *server) *ecr.Client {
	t.Helper()
	settings := []func(*config.LoadOptions) error{
		config.WithSharedConfigProfile("nifuda"),
		config.WithSharedConfigFiles([]string{filepath.Join(s.data(), "aws", "config")}),
		config.WithSharedCredentialsFiles([]string{filepath.Join(s.data(), "aws", "credentials")}),
	}
	if s.secure { // the SDK knows the address
		settings[1] = config.WithSharedConfigFiles(nil)
		settings = append(settings, config.WithRegion(awsRegion))
	}
	configuration, err := config.LoadDefaultConfig(t.Context(), settings...)
	if err != nil {
		t.Fatal(err)
	}
	return ecr.NewFromConfig(configuration, once)
}

// ecrClientWithKey is the SDK's client with a key of the test's choice.
func ecrClientWithKey(t *testing.T, s *server, id, secret string) *ecr.Client {
	t.Helper()
	return ecr.New(ecr.Options{
		Region:       region,
		BaseEndpoint: aws.String(s.url()),
		Credentials:  credentials.NewStaticCredentialsProvider(id, secret, ""),
	}, once)
}

// ignoreUnexported skips what the SDK keeps for itself in its types.
var ignoreUnexported = cmpopts.IgnoreUnexported(types.Repository{}, types.ImageScanningConfiguration{}, types.EncryptionConfiguration{})

// once keeps the SDK from hiding an error behind a retry.
func once(o *ecr.Options) { o.RetryMaxAttempts = 1 }

// registryPassword signs in as docker does and returns the password.
func registryPassword(t *testing.T, s *server) string {
	t.Helper()
	return passwordOf(t, ecrClient(t, s))
}

func passwordOf(t *testing.T, client *ecr.Client) string {
	t.Helper()
	out, err := client.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		t.Fatalf("authorization token: %v", err)
	}
	user, password, ok := strings.Cut(string(token), ":")
	if !ok || user != "AWS" {
		t.Fatalf("the authorization token names the user %q, want AWS", user)
	}
	return password
}

func TestSDKRegistry(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()

	registry, err := client.DescribeRegistry(ctx, &ecr.DescribeRegistryInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(registry.RegistryId); got != account {
		t.Errorf("DescribeRegistry: registry %s, want %s", got, account)
	}

	token, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(token.AuthorizationData[0].ProxyEndpoint); got != s.url() {
		t.Errorf("GetAuthorizationToken: endpoint %s, want the address that was called, %s", got, s.url())
	}

	_, err = client.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	wantError[*types.RegistryPolicyNotFoundException](t, err, "Registry policy does not exist in the registry with id '123456789012'")
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"replicate","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},` +
		`"Action":"ecr:ReplicateImage","Resource":"arn:aws:ecr:us-east-1:123456789012:repository/*"}]}`
	if _, err := client.PutRegistryPolicy(ctx, &ecr.PutRegistryPolicyInput{PolicyText: &policy}); err != nil {
		t.Fatal(err)
	}
	stored, err := client.GetRegistryPolicy(ctx, &ecr.GetRegistryPolicyInput{})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(stored.PolicyText); got != policy {
		t.Errorf("GetRegistryPolicy: %s, want %s", got, policy)
	}
	if _, err := client.DeleteRegistryPolicy(ctx, &ecr.DeleteRegistryPolicyInput{}); err != nil {
		t.Fatal(err)
	}
}

func TestSDKRepositories(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	name := aws.String("team/app")

	created, err := client.CreateRepository(ctx, &ecr.CreateRepositoryInput{
		RepositoryName: name,
		Tags:           []types.Tag{{Key: aws.String("owner"), Value: aws.String("team")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := created.Repository.RepositoryArn
	want := types.Repository{
		RegistryId:                 aws.String(account),
		RepositoryName:             name,
		RepositoryArn:              aws.String("arn:aws:ecr:us-east-1:123456789012:repository/team/app"),
		RepositoryUri:              aws.String(s.address + "/team/app"),
		CreatedAt:                  created.Repository.CreatedAt,
		ImageTagMutability:         types.ImageTagMutabilityMutable,
		ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: false},
		EncryptionConfiguration:    &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeAes256},
	}
	if diff := cmp.Diff(want, *created.Repository, ignoreUnexported); diff != "" {
		t.Errorf("CreateRepository (-want +got):\n%s", diff)
	}

	_, err = client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: name})
	wantError[*types.RepositoryAlreadyExistsException](t, err,
		"The repository with name 'team/app' already exists in the registry with id '123456789012'")
	_, err = client.CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: aws.String("Upper")})
	wantError[*types.InvalidParameterException](t, err, "Invalid parameter at 'repositoryName' failed to satisfy constraint")
	_, err = client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"none"}})
	wantError[*types.RepositoryNotFoundException](t, err,
		"The repository with name 'none' does not exist in the registry with id '123456789012'")

	if _, err := client.TagResource(ctx, &ecr.TagResourceInput{
		ResourceArn: arn, Tags: []types.Tag{{Key: aws.String("stage"), Value: aws.String("test")}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UntagResource(ctx, &ecr.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"owner"}}); err != nil {
		t.Fatal(err)
	}
	tags, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	if len(tags.Tags) != 1 || aws.ToString(tags.Tags[0].Key) != "stage" || aws.ToString(tags.Tags[0].Value) != "test" {
		t.Errorf("ListTagsForResource: %+v, want stage=test", tags.Tags)
	}

	scanning, err := client.PutImageScanningConfiguration(ctx, &ecr.PutImageScanningConfigurationInput{
		RepositoryName: name, ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !scanning.ImageScanningConfiguration.ScanOnPush {
		t.Error("PutImageScanningConfiguration does not echo scanOnPush")
	}

	if _, err := client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: name}); err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: name})
	wantError[*types.RepositoryNotFoundException](t, err, "The repository with name 'team/app' does not exist")
}

func TestSDKPagesThroughRepositories(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	var want []string
	for n := range 7 {
		name := fmt.Sprintf("page/%d", n)
		want = append(want, name)
		createRepository(t, s, name)
	}
	var got []string
	pages := ecr.NewDescribeRepositoriesPaginator(client, &ecr.DescribeRepositoriesInput{MaxResults: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Repositories) > 3 {
			t.Errorf("a page of at most 3 has %d", len(page.Repositories))
		}
		for _, repository := range page.Repositories {
			got = append(got, aws.ToString(repository.RepositoryName))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("repositories of all pages (-want +got):\n%s", diff)
	}
}

func TestSDKDocuments(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	name := aws.String("app")
	createRepository(t, s, "app")

	_, err := client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: name})
	wantError[*types.RepositoryPolicyNotFoundException](t, err,
		"Repository policy does not exist for the repository with name 'app' in the registry with id '123456789012'")
	policy := `{"Version":"2012-10-17","Statement":[{"Sid":"pull","Effect":"Allow","Principal":"*","Action":["ecr:BatchGetImage"]}]}`
	if _, err := client.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: name, PolicyText: &policy}); err != nil {
		t.Fatal(err)
	}
	stored, err := client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(stored.PolicyText); got != policy {
		t.Errorf("GetRepositoryPolicy: %s, want %s", got, policy)
	}
	if _, err := client.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: name}); err != nil {
		t.Fatal(err)
	}
	malformed := `{"Version":"2012-10-17"`
	_, err = client.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: name, PolicyText: &malformed})
	wantError[*types.InvalidParameterException](t, err,
		"Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")

	_, err = client.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: name})
	wantError[*types.LifecyclePolicyNotFoundException](t, err,
		"Lifecycle policy does not exist for the repository with name 'app' in the registry with id '123456789012'")
	lifecycle := `{"rules":[{"rulePriority":1,"description":"keep ten","selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}}]}`
	if _, err := client.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{RepositoryName: name, LifecyclePolicyText: &lifecycle}); err != nil {
		t.Fatal(err)
	}
	kept, err := client.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(kept.LifecyclePolicyText); got != lifecycle {
		t.Errorf("GetLifecyclePolicy: %s, want %s", got, lifecycle)
	}
	if _, err := client.DeleteLifecyclePolicy(ctx, &ecr.DeleteLifecyclePolicyInput{RepositoryName: name}); err != nil {
		t.Fatal(err)
	}
}

func TestSDKPushesAndPullsLargeLayersInParts(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	name := aws.String("app")
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 23<<20) // two parts of 10 MiB and a rest
	layer := img.Layers[0]

	availability := func() types.Layer {
		t.Helper()
		out, err := client.BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{
			RepositoryName: name, LayerDigests: []string{layer.Digest},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Layers) != 1 {
			t.Fatalf("BatchCheckLayerAvailability: %+v", out)
		}
		return out.Layers[0]
	}
	if got := availability().LayerAvailability; got != types.LayerAvailabilityUnavailable {
		t.Errorf("before the upload the layer is %s", got)
	}

	for _, blob := range img.blobs() {
		uploadLayer(t, client, "app", blob)
	}
	if got := availability(); got.LayerAvailability != types.LayerAvailabilityAvailable || aws.ToInt64(got.LayerSize) != int64(len(layer.Bytes)) {
		t.Errorf("after the upload the layer is %s with %d bytes, want AVAILABLE with %d",
			got.LayerAvailability, aws.ToInt64(got.LayerSize), len(layer.Bytes))
	}
	_, err := client.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: name, LayerDigest: &layer.Digest})
	wantError[*types.LayerInaccessibleException](t, err, "")

	if _, err := client.PutImage(ctx, putImage("app", "v1", img.content)); err != nil {
		t.Fatal(err)
	}
	download, err := client.GetDownloadUrlForLayer(ctx, &ecr.GetDownloadUrlForLayerInput{RepositoryName: name, LayerDigest: &layer.Digest})
	if err != nil {
		t.Fatal(err)
	}
	url := aws.ToString(download.DownloadUrl)
	if got := fetch(t, url, "", http.StatusOK); !bytes.Equal(got, layer.Bytes) {
		t.Error("the downloaded layer has other bytes than the uploaded one")
	}
	if got := fetch(t, url, "bytes=1000-1999", http.StatusPartialContent); !bytes.Equal(got, layer.Bytes[1000:2000]) {
		t.Error("a range of the downloaded layer has other bytes than the uploaded one")
	}
}

func TestSDKUploadErrors(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	name := aws.String("app")
	createRepository(t, s, "app")

	_, err := client.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: aws.String("none")})
	wantError[*types.RepositoryNotFoundException](t, err, "The repository with name 'none' does not exist")

	started, err := client.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
		RepositoryName: name, UploadId: started.UploadId, LayerDigests: []string{digestOf(nil)},
	})
	wantError[*types.EmptyUploadException](t, err, "cannot be completed because it does not have any parts")

	part := randomBytes(1000)
	upload := func(first int64) error {
		_, err := client.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{
			RepositoryName: name, UploadId: started.UploadId, LayerPartBlob: part,
			PartFirstByte: aws.Int64(first), PartLastByte: aws.Int64(first + int64(len(part)) - 1),
		})
		return err
	}
	if err := upload(0); err != nil {
		t.Fatal(err)
	}
	err = upload(5000)
	wantError[*types.InvalidLayerPartException](t, err, "First byte of the layer part is 5000 instead of 1000")
	if misplaced, ok := errors.AsType[*types.InvalidLayerPartException](err); ok && aws.ToInt64(misplaced.LastValidByteReceived) != 999 {
		t.Errorf("last valid byte %d, want 999", aws.ToInt64(misplaced.LastValidByteReceived))
	}
	_, err = client.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
		RepositoryName: name, UploadId: started.UploadId, LayerDigests: []string{digestOf([]byte("other"))},
	})
	wantError[*types.InvalidLayerException](t, err, "None of the provided layer digests match the calculated layer digest")

	// Unharmed by all that, the upload can be completed, once.
	complete := func() error {
		_, err := client.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
			RepositoryName: name, UploadId: started.UploadId, LayerDigests: []string{digestOf(part)},
		})
		return err
	}
	if err := complete(); err != nil {
		t.Fatal(err)
	}
	wantError[*types.UploadNotFoundException](t, complete(), "")
}

func TestSDKImages(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	name := aws.String("app")
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 2000, 3000)

	_, err := client.PutImage(ctx, putImage("app", "v1", img.content))
	wantError[*types.LayersNotFoundException](t, err, "required for pushing image into repository with name 'app'")
	for _, blob := range img.blobs() {
		uploadLayer(t, client, "app", blob)
	}
	mismatch := putImage("app", "v1", img.content)
	mismatch.ImageDigest = aws.String(digestOf([]byte("other")))
	_, err = client.PutImage(ctx, mismatch)
	wantError[*types.ImageDigestDoesNotMatchException](t, err, "")
	_, err = client.PutImage(ctx, putImage("app", "all", newIndex(t, map[string]image{"amd64": img})))
	wantError[*types.ReferencedImagesNotFoundException](t, err, "Images with digests '["+img.Digest+"]'")

	put, err := client.PutImage(ctx, putImage("app", "v1", img.content))
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(put.Image.ImageId.ImageDigest); got != img.Digest {
		t.Errorf("PutImage: digest %s, want %s", got, img.Digest)
	}
	_, err = client.PutImage(ctx, putImage("app", "v1", img.content))
	wantError[*types.ImageAlreadyExistsException](t, err, "Image with digest '"+img.Digest+"' and tag 'v1' already exists")

	// Retag as everyone does: read the manifest, put it under another tag.
	got, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{tagged("v1"), tagged("none")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Images) != 1 || aws.ToString(got.Images[0].ImageManifest) != string(img.Bytes) {
		t.Fatalf("BatchGetImage: %+v, want the manifest as it was put", got.Images)
	}
	if len(got.Failures) != 1 || got.Failures[0].FailureCode != types.ImageFailureCodeImageNotFound {
		t.Errorf("BatchGetImage: failures %+v, want ImageNotFound", got.Failures)
	}
	if _, err := client.PutImage(ctx, putImage("app", "v2", img.content)); err != nil {
		t.Fatal(err)
	}

	described, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	if len(described.ImageDetails) != 1 {
		t.Fatalf("DescribeImages: %d images, want 1", len(described.ImageDetails))
	}
	detail := described.ImageDetails[0]
	slices.Sort(detail.ImageTags)
	if diff := cmp.Diff([]string{"v1", "v2"}, detail.ImageTags); diff != "" {
		t.Errorf("DescribeImages: tags (-want +got):\n%s", diff)
	}
	size := 0
	for _, layer := range img.blobs() {
		size += len(layer.Bytes)
	}
	// Whether the manifest itself counts is not known of ECR, so both are right.
	if got := aws.ToInt64(detail.ImageSizeInBytes); got < int64(size-len(img.Config.Bytes)) || got > int64(size+len(img.Bytes)) {
		t.Errorf("DescribeImages: %d bytes, want about %d", got, size)
	}
	_, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{tagged("none")}})
	wantError[*types.ImageNotFoundException](t, err,
		"The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the repository with name 'app' in the registry with id '123456789012'")

	listed, err := client.ListImages(ctx, &ecr.ListImagesInput{RepositoryName: name, Filter: &types.ListImagesFilter{TagStatus: types.TagStatusTagged}})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed.ImageIds) != 2 {
		t.Errorf("ListImages: %d ids, want one per tag", len(listed.ImageIds))
	}
	_, err = client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: name})
	wantError[*types.RepositoryNotEmptyException](t, err,
		"The repository with name 'app' in registry with id '123456789012' cannot be deleted because it still contains images")

	deleteImages(t, client, "app", tagged("v1"))
	deleteImages(t, client, "app", types.ImageIdentifier{ImageDigest: &img.Digest})
	described, err = client.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	if len(described.ImageDetails) != 0 {
		t.Errorf("DescribeImages after deleting the image: %+v", described.ImageDetails)
	}
	if _, err := client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: name, Force: true}); err != nil {
		t.Fatal(err)
	}
}

func TestSDKTagMutability(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	createRepository(t, s, "app")
	push := func(tag string) error {
		img := newImage(t, "amd64", 1000)
		for _, blob := range img.blobs() {
			uploadLayer(t, client, "app", blob)
		}
		_, err := client.PutImage(ctx, putImage("app", tag, img.content))
		return err
	}
	for _, tag := range []string{"v1", "dev-1"} {
		if err := push(tag); err != nil {
			t.Fatal(err)
		}
	}

	set := func(mode types.ImageTagMutability, filters ...string) (*ecr.PutImageTagMutabilityOutput, error) {
		input := &ecr.PutImageTagMutabilityInput{RepositoryName: aws.String("app"), ImageTagMutability: mode}
		for _, filter := range filters {
			input.ImageTagMutabilityExclusionFilters = append(input.ImageTagMutabilityExclusionFilters, types.ImageTagMutabilityExclusionFilter{
				Filter: aws.String(filter), FilterType: types.ImageTagMutabilityExclusionFilterTypeWildcard,
			})
		}
		return client.PutImageTagMutability(ctx, input)
	}
	if _, err := set(types.ImageTagMutabilityImmutable); err != nil {
		t.Fatal(err)
	}
	wantError[*types.ImageTagAlreadyExistsException](t, push("dev-1"),
		"The image tag 'dev-1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.")

	_, err := set(types.ImageTagMutabilityImmutableWithExclusion)
	wantError[*types.InvalidParameterException](t, err, "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as IMMUTABLE_WITH_EXCLUSION")
	out, err := set(types.ImageTagMutabilityImmutableWithExclusion, "dev-*")
	if err != nil {
		t.Fatal(err)
	}
	if len(out.ImageTagMutabilityExclusionFilters) != 1 || aws.ToString(out.ImageTagMutabilityExclusionFilters[0].Filter) != "dev-*" {
		t.Errorf("PutImageTagMutability: filters %+v, want dev-*", out.ImageTagMutabilityExclusionFilters)
	}
	if err := push("dev-1"); err != nil {
		t.Errorf("an excluded tag does not move: %v", err)
	}
	wantError[*types.ImageTagAlreadyExistsException](t, push("v1"),
		"The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the tag is immutable.")

	if _, err := set(types.ImageTagMutabilityMutableWithExclusion, "v*"); err != nil {
		t.Fatal(err)
	}
	if err := push("dev-1"); err != nil {
		t.Errorf("a tag that is not excluded from mutability does not move: %v", err)
	}
	wantError[*types.ImageTagAlreadyExistsException](t, push("v1"), "The image tag 'v1' already exists")
}

func TestSDKReferrers(t *testing.T) {
	s := startServer(t)
	client := ecrClient(t, s)
	ctx := t.Context()
	createRepository(t, s, "app")
	img := newImage(t, "amd64", 1000)
	empty := newContent("application/vnd.oci.empty.v1+json", []byte("{}"))
	signature := newContent(ociManifest, marshal(t, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest, "artifactType": "application/vnd.example.signature",
		"config": empty.descriptor(), "layers": []any{empty.descriptor()}, "subject": img.descriptor(),
	}))
	for _, blob := range append(img.blobs(), empty) {
		uploadLayer(t, client, "app", blob)
	}
	if _, err := client.PutImage(ctx, putImage("app", "v1", img.content)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutImage(ctx, putImage("app", "", signature)); err != nil {
		t.Fatal(err)
	}
	out, err := client.ListImageReferrers(ctx, &ecr.ListImageReferrersInput{
		RepositoryName: aws.String("app"), SubjectId: &types.SubjectIdentifier{ImageDigest: &img.Digest},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Referrers) != 1 || aws.ToString(out.Referrers[0].Digest) != signature.Digest ||
		aws.ToString(out.Referrers[0].ArtifactType) != "application/vnd.example.signature" {
		t.Errorf("ListImageReferrers: %+v, want the signature", out.Referrers)
	}
}

func TestSDKIsRefusedWithoutTheKey(t *testing.T) {
	s := startServer(t)
	for name, key := range map[string]struct{ id, secret, code string }{
		"unknown key":  {"AKIAIOSFODNN7EXAMPLE", "wrong", "UnrecognizedClientException"},
		"wrong secret": {accessKey(t, s), "wrong", "InvalidSignatureException"},
	} {
		_, err := ecrClientWithKey(t, s, key.id, key.secret).DescribeRegistry(t.Context(), &ecr.DescribeRegistryInput{})
		refusal, ok := errors.AsType[smithy.APIError](err)
		if !ok || refusal.ErrorCode() != key.code {
			t.Errorf("%s: %v, want %s", name, err, key.code)
		}
	}
}

func TestRegionsAndTheirRegistriesAreApart(t *testing.T) {
	s := startServer(t)
	createRepository(t, s, "app")
	elsewhere := ecrClient(t, s)
	out, err := elsewhere.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{}, func(o *ecr.Options) { o.Region = "eu-central-1" })
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Repositories) != 0 {
		t.Errorf("eu-central-1 shows %d repositories of %s", len(out.Repositories), region)
	}
}

// wantError fails the test unless err is the SDK's error E and its message
// contains the text.
func wantError[E smithy.APIError](t *testing.T, err error, text string) {
	t.Helper()
	refusal, ok := errors.AsType[E](err)
	if !ok {
		t.Errorf("error %v, want %T", err, refusal)
	} else if !strings.Contains(refusal.ErrorMessage(), text) {
		t.Errorf("%T says\n%s\nwant\n%s", refusal, refusal.ErrorMessage(), text)
	}
}

// uploadLayer stores a blob in parts of the size that the server recommends.
func uploadLayer(t *testing.T, client *ecr.Client, repository string, blob content) {
	t.Helper()
	started, err := client.InitiateLayerUpload(t.Context(), &ecr.InitiateLayerUploadInput{RepositoryName: &repository})
	if err != nil {
		t.Fatal(err)
	}
	var first int64
	for part := range slices.Chunk(blob.Bytes, int(aws.ToInt64(started.PartSize))) {
		last := first + int64(len(part)) - 1
		out, err := client.UploadLayerPart(t.Context(), &ecr.UploadLayerPartInput{
			RepositoryName: &repository, UploadId: started.UploadId,
			PartFirstByte: &first, PartLastByte: &last, LayerPartBlob: part,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToInt64(out.LastByteReceived); got != last {
			t.Fatalf("UploadLayerPart: last byte %d, want %d", got, last)
		}
		first = last + 1
	}
	completed, err := client.CompleteLayerUpload(t.Context(), &ecr.CompleteLayerUploadInput{
		RepositoryName: &repository, UploadId: started.UploadId, LayerDigests: []string{blob.Digest},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(completed.LayerDigest); got != blob.Digest {
		t.Fatalf("CompleteLayerUpload: digest %s, want %s", got, blob.Digest)
	}
}

// deleteImages deletes what the identifiers name, without a failure.
func deleteImages(t *testing.T, client *ecr.Client, repository string, ids ...types.ImageIdentifier) {
	t.Helper()
	out, err := client.BatchDeleteImage(t.Context(), &ecr.BatchDeleteImageInput{RepositoryName: &repository, ImageIds: ids})
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range out.Failures {
		t.Errorf("BatchDeleteImage: %s: %s", failure.FailureCode, aws.ToString(failure.FailureReason))
	}
}

// putImage is the input that stores the manifest, untagged if the tag is empty.
func putImage(repository, tag string, manifest content) *ecr.PutImageInput {
	input := &ecr.PutImageInput{
		RepositoryName:         &repository,
		ImageManifest:          aws.String(string(manifest.Bytes)),
		ImageManifestMediaType: &manifest.MediaType,
	}
	if tag != "" {
		input.ImageTag = &tag
	}
	return input
}

func tagged(tag string) types.ImageIdentifier { return types.ImageIdentifier{ImageTag: &tag} }

// fetch gets a URL, or a range of it, without signing in.
func fetch(t *testing.T, url, byteRange string, wantStatus int) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if byteRange != "" {
		request.Header.Set("Range", byteRange)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != wantStatus {
		t.Fatalf("GET of a download URL: status %d, want %d", response.StatusCode, wantStatus)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
