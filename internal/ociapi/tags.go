package ociapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	pageDefault = 100
	pageLimit   = 1000
)

// tagList is the specification's document of end-8.
type tagList struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

// listTags answers end-8, in byte order.
func (a *api) listTags(w http.ResponseWriter, r *http.Request, c call) error {
	p, err := pageOf(r, checkLastTag)
	if err != nil {
		return err
	}
	// One more than asked for tells whether another page follows.
	tags, err := a.registry.Tags(r.Context(), c.repository, p.last, p.limit+1)
	if err != nil {
		return err
	}
	shown := tags[:min(p.limit, len(tags))]
	if len(shown) < len(tags) && len(shown) > 0 {
		p.link(w, "/v2/"+c.Name+"/tags/list", shown[len(shown)-1])
	}
	writeJSON(w, http.StatusOK, "application/json", tagList{Name: c.Name, Tags: append([]string{}, shown...)})
	return nil
}

// checkLastTag takes every tag that a page can end with: ECR's API makes longer
// ones than clients of this one can name.
func checkLastTag(tag string) error {
	if len(tag) > 300 || strings.ContainsFunc(tag, isNotPrintable) {
		return checkTag(tag)
	}
	return nil
}

// A page is the part of a listing that a request asks for.
type page struct {
	limit int
	// last is the entry after which the page begins, "" for the first page.
	last string
}

// pageOf reads the parameters n and last. ECR refuses an n above 1000; here it
// gets what 1000 gets, with the Link to the rest, because the specification
// wants an answer.
func pageOf(r *http.Request, check func(string) error) (page, error) {
	p := page{limit: pageDefault}
	if r.URL.RawQuery == "" {
		return p, nil
	}
	query := r.URL.Query()
	if query.Has("n") {
		n, err := strconv.Atoi(query.Get("n"))
		if err != nil || n < 0 {
			return p, &refusal{
				status: http.StatusBadRequest, code: codeUnsupported,
				message: invalidParameter("maxResults", "Member must have value greater than or equal to 0"),
			}
		}
		p.limit = min(n, pageLimit)
	}
	if p.last = query.Get("last"); p.last == "" {
		return p, nil
	}
	return p, check(p.last)
}

// link points to the page after the one that ends with an entry, as RFC 8288
// has it.
func (p page) link(w http.ResponseWriter, path, last string) {
	linkNext(w, path, url.Values{"n": {strconv.Itoa(p.limit)}, "last": {last}})
}

func linkNext(w http.ResponseWriter, path string, query url.Values) {
	w.Header().Set("Link", "<"+path+"?"+query.Encode()+`>; rel="next"`)
}
