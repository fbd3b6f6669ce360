package assets

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Service is a well-known API, or a program of this machine that serves one. Services
// whose address differs for each customer (Azure OpenAI) or that sign their requests
// (Bedrock) are not in the catalogue: an entry could not be used as it stands.
type Service struct {
	ID          string `json:"id"`   // unique; also a good name for an upstream
	Name        string `json:"name"` // for a person
	Kind        string `json:"kind"` // as in settings.Upstream
	URL         string `json:"url"`  // base URL: a client's path is appended
	Local       bool   `json:"local"`
	KeyPage     string `json:"key_page"`     // web page where the key is made; "" when none is needed
	KeyVariable string `json:"key_variable"` // environment variable that the service's own documentation uses; "" when none is needed
	Notes       string `json:"notes"`        // sentences in English; may be empty
}

//go:embed catalogue.json
var catalogueText []byte

// Catalogue returns the known services, official ones first and local ones last. The
// addresses are those that the services publish; none was called to check it.
func Catalogue() []Service {
	var list []Service
	d := json.NewDecoder(bytes.NewReader(catalogueText))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		panic(fmt.Errorf("read the catalogue: %w", err)) // it is part of the program; a test reads it
	}
	return list
}

// Search returns the services whose name, address or kind has every word of the query,
// whatever the letters' case, in their order. An empty query finds all.
func Search(list []Service, query string) []Service {
	var found []Service
	for _, s := range list {
		text := strings.ToLower(s.ID + " " + s.Name + " " + s.URL + " " + s.Kind)
		missing := slices.ContainsFunc(strings.Fields(strings.ToLower(query)), func(word string) bool {
			return !strings.Contains(text, word)
		})
		if !missing {
			found = append(found, s)
		}
	}
	return found
}
