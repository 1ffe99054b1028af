package e2e_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// TestSDKReachesEveryOperationOfIAMAndSTS calls all that the models have, with
// what their requests must have. Whatever comes of it, something answers that
// knows the operation and finds the request valid.
func TestSDKReachesEveryOperationOfIAMAndSTS(t *testing.T) {
	s := startServer(t)
	root := s.root(t)
	for _, service := range []struct {
		model  string
		client any
	}{
		{"iam-*.json", iam.NewFromConfig(root.sdk())},
		{"sts-*.json", sts.NewFromConfig(root.sdk())},
	} {
		for name, required := range modelOperations(t, service.model) {
			err := callWith(t, service.client, name, required)
			refused, ok := errors.AsType[smithy.APIError](err)
			if err != nil && !ok {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if ok && (refused.ErrorCode() == "NotImplementedException" || refused.ErrorCode() == "InvalidAction" || refused.ErrorCode() == "ServiceFailure" || refused.ErrorCode() == "InternalFailure") {
				t.Errorf("%s: %v", name, refused)
			}
			if ok && refused.ErrorCode() == "ValidationError" && strings.Contains(refused.ErrorMessage(), "validation error") {
				t.Errorf("%s: the test's request is not valid: %v", name, refused)
			}
		}
	}
}

// modelOperations are the operations of a service, and the members that their
// requests must have.
func modelOperations(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "internal", "gen", "models", pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		Operations map[string]struct{ Input struct{ Shape string } }
		Shapes     map[string]struct{ Required []string }
	}
	if err := json.Unmarshal(text, &model); err != nil {
		t.Fatal(err)
	}
	operations := map[string][]string{}
	for name, operation := range model.Operations {
		operations[name] = model.Shapes[operation.Input.Shape].Required
	}
	if len(operations) == 0 {
		t.Fatalf("%s has no operations", files[0])
	}
	return operations
}

// callWith calls an operation of an SDK's client.
func callWith(t *testing.T, client any, operation string, required []string) error {
	t.Helper()
	method := reflect.ValueOf(client).MethodByName(operation)
	if !method.IsValid() {
		t.Fatalf("the SDK has no %s", operation)
	}
	in := reflect.New(method.Type().In(1).Elem())
	for _, name := range required {
		set(t, in.Elem().FieldByName(name), name)
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
	err, _ := reflect.TypeAssert[error](out[1])
	return err
}

// set gives a member a value that is valid for its name.
func set(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		set(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		set(t, v.Index(0), name)
	case reflect.Struct: // a tag
		set(t, v.FieldByName("Key"), "Key")
		set(t, v.FieldByName("Value"), "Value")
	case reflect.String:
		v.SetString(validMember(name))
	default:
		t.Fatalf("%s is a %s", name, v.Kind())
	}
}

func validMember(name string) string {
	switch name {
	case "PolicyArn", "PermissionsBoundary":
		return "arn:aws:iam::" + account + ":policy/some"
	case "PolicySourceArn":
		return "arn:aws:iam::" + account + ":user/some"
	case "RoleArn":
		return "arn:aws:iam::" + account + ":role/some"
	case "OpenIDConnectProviderArn":
		return "arn:aws:iam::" + account + ":oidc-provider/some.example"
	case "PolicyDocument", "PolicyInputList":
		return statement("Allow", `"ecr:*"`, `"*"`, "")
	case "AssumeRolePolicyDocument":
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`
	case "ActionNames":
		return "ecr:PutImage"
	case "AWSServiceName":
		return "replication.ecr.amazonaws.com"
	case "AccessKeyId":
		return "AKIASOMESOMESOMESOME"
	case "Status":
		return "Active"
	case "ThumbprintList":
		return strings.Repeat("0", 40)
	case "Url":
		return "https://some.example"
	case "VersionId":
		return "v1"
	case "NewPassword", "OldPassword":
		return "Correct-Horse-7-Battery"
	case "DeletionTaskId":
		return "task/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication/8a1f7ef0-9ad7-4a4c-a5a2-d0a3d5d3c5b0"
	default:
		return "some"
	}
}
