package iam_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nifuda/nifuda/internal/iam"
)

// TestEveryOperationHasAnAction reads the operations from the service model and
// asks for each whether a repository policy may name its action.
func TestEveryOperationHasAnAction(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "gen", "models", "ecr-2015-09-21.json"))
	if err != nil {
		t.Fatal(err)
	}
	var model struct{ Operations map[string]struct{} }
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}
	if len(model.Operations) < 58 {
		t.Fatalf("the model has only %d operations", len(model.Operations))
	}
	for operation := range model.Operations {
		if action := iam.OperationAction(operation); !nameable(action) {
			t.Errorf("%s: action %s is unknown", operation, action)
		}
	}
	for _, action := range []string{iam.BatchImportUpstreamImage, iam.GetImageCopyStatus, iam.ReplicateImage} {
		if !nameable(action) {
			t.Errorf("action %s is unknown", action)
		}
	}
}

func TestListImageReferrersHasNoActionOfItsOwn(t *testing.T) {
	if got := iam.OperationAction("ListImageReferrers"); got != iam.BatchGetImage {
		t.Errorf("got %s", got)
	}
	if nameable("ecr:ListImageReferrers") {
		t.Error("a policy may name it")
	}
}

func nameable(action string) bool {
	_, err := iam.ParseRepositoryPolicy(fmt.Sprintf(`{"Statement":{"Effect":"Allow","Principal":"*","Action":%q}}`, action))
	return err == nil
}

// TestPoliciesOfRepositoriesNameOurOwnActions: those about repositories, and no
// others.
func TestPoliciesOfRepositoriesNameOurOwnActions(t *testing.T) {
	const repository = "arn:aws:ecr:us-east-1:123456789012:repository/app"
	for _, action := range []string{
		iam.DescribePullStatistics, iam.DescribeRegistryStatistics, iam.DescribeStorage, iam.DescribeTagHistory, iam.ListDeletedImages, iam.ListDeletedRepositories, iam.ListEvents, iam.RestoreImage, iam.RestoreRepository, iam.RestoreTag,
		iam.SearchImages, iam.SearchRepositories, iam.SearchTags,
	} {
		if !nameable(action) || !iam.IsOfRepositories(action, repository) {
			t.Errorf("%s is none of repositories", action)
		}
		if iam.IsOfRepositories(action, "*") || iam.IsOfRepositories(action, "arn:aws:iam::123456789012:root") {
			t.Errorf("%s is of repositories, whatever the resource", action)
		}
	}
	for _, action := range []string{"nifuda:CreateAccount", "nifuda:ExplainAccess", "sts:AssumeRole", "s3:*"} {
		if nameable(action) || iam.IsOfRepositories(action, repository) {
			t.Errorf("%s is of repositories", action)
		}
	}
	if !nameable("nifuda:Restore*") || !nameable("*") {
		t.Error("wildcards are not taken")
	}
}
