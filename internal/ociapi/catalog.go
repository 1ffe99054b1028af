package ociapi

import "net/http"

// catalog is the document of docker's /v2/_catalog, which the OCI specification
// left out but clients still ask for.
type catalog struct {
	Repositories []string `json:"repositories"`
}

// listCatalog names the repositories of the registry that the request means, in
// byte order.
func (a *api) listCatalog(w http.ResponseWriter, r *http.Request, c call) error {
	p, err := pageOf(r, checkName)
	if err != nil {
		return err
	}
	repositories, err := a.registry.Repositories(r.Context(), c.repository.Registry, p.last, p.limit+1)
	if err != nil {
		return err
	}
	shown := repositories[:min(p.limit, len(repositories))]
	names := make([]string, len(shown))
	for i, repository := range shown {
		names[i] = repository.Name
	}
	if len(shown) < len(repositories) && len(shown) > 0 {
		p.link(w, "/v2/_catalog", names[len(names)-1])
	}
	writeJSON(w, http.StatusOK, "application/json", catalog{Repositories: names})
	return nil
}
