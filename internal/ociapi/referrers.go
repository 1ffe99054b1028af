package ociapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/nifuda/nifuda/internal/manifest"
	"github.com/nifuda/nifuda/internal/registry"
)

const (
	// referrersPage is how many referrers one answer lists.
	referrersPage = 100
	// artifactTypesLimit and mediaTypeLimit bound what a filter asks of the database.
	artifactTypesLimit = 16
	mediaTypeLimit     = 255
)

// listReferrers answers end-12.
func (a *api) listReferrers(w http.ResponseWriter, r *http.Request, c call) error {
	query := r.URL.Query()
	types, err := artifactTypes(query)
	if err != nil {
		return err
	}
	last := query.Get("last")
	if last != "" {
		if err := checkDigest(last); err != nil {
			return err
		}
	}
	referrers, next, err := a.registry.Referrers(r.Context(), c.repository, c.Reference, types, last, referrersPage)
	if err != nil {
		return err
	}
	if next != "" {
		linkNext(w, "/v2/"+c.Name+"/referrers/"+c.Reference, nextReferrers(types, next))
	}
	if len(types) > 0 {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	writeJSON(w, http.StatusOK, manifest.MediaTypeIndex, registry.NewReferrersList(referrers))
	return nil
}

func nextReferrers(types []string, last string) url.Values {
	query := url.Values{"last": {last}}
	if len(types) > 0 {
		query["artifactType"] = types
	}
	return query
}

// artifactTypes are the values of the filter; an empty one filters nothing. A
// plus sign that a client did not escape arrives as a space, which no media
// type has.
func artifactTypes(query url.Values) ([]string, error) {
	var types []string
	for _, value := range query["artifactType"] {
		if value == "" {
			continue
		}
		value = strings.ReplaceAll(value, " ", "+")
		if len(types) == artifactTypesLimit || len(value) > mediaTypeLimit || strings.ContainsFunc(value, isNotPrintable) {
			return nil, &refusal{
				status: http.StatusBadRequest, code: codeUnsupported,
				message: "The artifactType filter must be one or some media types",
			}
		}
		types = append(types, value)
	}
	return types, nil
}

func isNotPrintable(c rune) bool { return c < ' ' || c > '~' }
