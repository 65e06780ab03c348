package main

import (
	"encoding/json"
	"io"
	"net/http"
)

// observation is what arrived at the token endpoint, without its secrets, in
// the words of legacyd.
type observation struct {
	Path          string   `json:"path"`
	Authorization bool     `json:"authorization"`
	Parameters    []string `json:"parameters"`
}

// observed prints one line of JSON for every request before it is judged. The
// requests come in turns.
func observed(w io.Writer, next http.HandlerFunc) http.HandlerFunc {
	encoder := json.NewEncoder(w)
	return func(response http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the library will say what is wrong with it
		o := observation{Path: r.URL.Path, Authorization: r.Header.Get("Authorization") != "", Parameters: []string{}}
		for name := range r.Form {
			o.Parameters = append(o.Parameters, name)
		}
		_ = encoder.Encode(o)
		next(response, r)
	}
}
