package nifudaapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nifuda/nifuda/internal/registry"
	"github.com/nifuda/nifuda/internal/store"
	"github.com/nifuda/nifuda/internal/store/storetest"
)

func TestRepositoriesAreSearched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		f.push(t, "an image that is large", "v1")
		id := f.n.Registry
		for _, r := range []registry.NewRepository{
			{RepositoryName: registry.RepositoryName{Registry: id, Name: "zoo"}, ScanOnPush: true, Tags: []registry.ResourceTag{{Key: "team", Value: "a"}, {Key: "cost", Value: ""}}},
			{RepositoryName: registry.RepositoryName{Registry: id, Name: "team/app_two"}, Mutability: registry.TagMutability{Mode: registry.Immutable}},
			{
				RepositoryName: registry.RepositoryName{Registry: id, Name: "team/appztwo"}, Tags: []registry.ResourceTag{{Key: "team", Value: "b"}},
				Mutability: registry.TagMutability{Mode: registry.MutableWithExclusion, Exclusions: []string{"v*", "prod"}},
			},
			{RepositoryName: registry.RepositoryName{Registry: registry.ID{Account: other, Region: region}, Name: "team/app"}},
			{RepositoryName: registry.RepositoryName{Registry: registry.ID{Account: home, Region: "eu-west-1"}, Name: "team/app"}},
			{RepositoryName: registry.RepositoryName{Registry: id, Name: "gone"}},
		} {
			f.at = f.at.Add(time.Minute)
			if _, err := f.registry.CreateRepository(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.registry.DeleteRepository(t.Context(), registry.RepositoryName{Registry: id, Name: "gone"}, false, homeRoot); err != nil {
			t.Fatal(err)
		}
		f.n.Name = "zoo"
		f.push(t, "a")
		f.push(t, "b")

		f.want(t, homeRoot, "SearchRepositories", `{"RepositoryName":"team/appztwo"}`, `{"RegistryId":"123456789012","Repositories":[
			{"RepositoryName":"team/appztwo","RepositoryArn":"arn:aws:ecr:us-east-1:123456789012:repository/team/appztwo","RepositoryUri":"example.com/team/appztwo",
				"CreatedAt":1795608180,"TagMutability":"MUTABLE_WITH_EXCLUSION","TagFilters":["v*","prod"],"ScanOnPush":false,"EncryptionType":"AES256","Images":0,"Bytes":0}]}`, nil)
		f.want(t, homeRoot, "SearchRepositories", `{"RepositoryName":"none"}`, `{"RegistryId":"123456789012","Repositories":[]}`, nil)
		f.want(t, otherRoot, "SearchRepositories", `{"Query":"none"}`, `{"RegistryId":"111122223333","Repositories":[]}`, nil)

		for _, test := range []struct{ input, want string }{
			{`"SortBy":"NAME"`, "team/app team/app_two team/appztwo zoo"},
			{`"Descending":true`, "zoo team/appztwo team/app_two team/app"},
			{`"SortBy":"CREATED_AT"`, "team/app zoo team/app_two team/appztwo"},
			{`"SortBy":"CREATED_AT","Descending":true`, "team/appztwo team/app_two zoo team/app"},
			{`"SortBy":"IMAGES","Descending":true`, "zoo team/app team/appztwo team/app_two"},
			{`"SortBy":"SIZE"`, "team/app_two team/appztwo team/app zoo"},
			{`"SortBy":"NAME","Query":"APP_"`, "team/app_two"},
			{`"SortBy":"SIZE","Query":"app_"`, "team/app_two"},
			{`"Query":"%"`, ""},
			{`"TagMutability":["IMMUTABLE","MUTABLE_WITH_EXCLUSION"]`, "team/app_two team/appztwo"},
			{`"TagMutability":["IMMUTABLE_WITH_EXCLUSION"],"SortBy":"IMAGES"`, ""},
			{`"ScanOnPush":true`, "zoo"},
			{`"ScanOnPush":false`, "team/app team/app_two team/appztwo"},
			{`"ResourceTagKey":"team"`, "team/appztwo zoo"},
			{`"ResourceTagKey":"team","ResourceTagValue":"a"`, "zoo"},
			{`"ResourceTagKey":"cost","ResourceTagValue":"","SortBy":"SIZE"`, "zoo"},
			{`"ResourceTagKey":"team","ResourceTagValue":""`, ""},
		} {
			got := f.found(t, "SearchRepositories", "Repositories", "RepositoryName", "{"+test.input+"}")
			if !slices.Equal(got, strings.Fields(test.want)) {
				t.Errorf("%s finds %q, want %q", test.input, got, test.want)
			}
		}

		_, page := f.call(t, homeRoot, "SearchRepositories", `{"MaxResults":1,"SortBy":"SIZE"}`)
		token := page["NextToken"].(string)
		for _, input := range []string{`"SortBy":"IMAGES"`, `"SortBy":"SIZE","Descending":true`, `"SortBy":"SIZE","Query":"app"`, `"SortBy":"SIZE","RegistryId":"111122223333"`} {
			if status, out := f.call(t, homeRoot, "SearchRepositories", `{"NextToken":"`+token+`",`+input+`}`); status != 400 {
				t.Errorf("%s with a foreign token: %d %v", input, status, out)
			}
		}
		f.wantError(t, homeRoot, "SearchRepositories", `{"NextToken":"dGFnAHg"}`, "InvalidNextTokenException")
		f.wantError(t, homeRoot, "SearchRepositories", `{"ResourceTagValue":"x"}`, "InvalidParameterException")
		f.wantError(t, homeRoot, "SearchRepositories", `{"RepositoryName":"team/app","RegistryId":"111122223333"}`, "AccessDeniedException")
	})
}

func TestWhoMaySeeOneRepositoryFindsNoOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := newDeletedFixture(t, s, 24*time.Hour)
		one := f.user(t, "one", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"nifuda:Search*","Resource":"arn:aws:ecr:*:*:repository/team/app"}]}`)
		if status, out := f.call(t, one, "SearchRepositories", `{"RepositoryName":"team/app"}`); status != 200 || len(out["Repositories"].([]any)) != 1 {
			t.Errorf("got %d %v", status, out)
		}
		if status, out := f.call(t, one, "SearchImages", `{"RepositoryName":"team/app"}`); status != 200 {
			t.Errorf("got %d %v", status, out)
		}
		f.wantError(t, one, "SearchRepositories", `{}`, "AccessDeniedException")
		f.wantError(t, one, "SearchRepositories", `{"RepositoryName":"team/none"}`, "AccessDeniedException")
		f.wantError(t, one, "SearchImages", `{"RepositoryName":"team/none"}`, "AccessDeniedException")
	})
}
