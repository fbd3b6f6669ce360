package store

import (
	"errors"
	"fmt"
	"strings"

	toml2 "github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"

	"millpond/settings"
)

// A SyntaxError is a file that is not TOML. The line is not quoted: it may hold a secret.
type SyntaxError struct {
	Path         string // of the file, as it was opened; "" for text that came otherwise
	Line, Column int    // from 1
	Message      string
}

// Error returns place and message in one line.
func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// Decode reads the text of a settings file, without the environment. Unknown keys, wrong types and
// values out of range are [settings.FieldError]s, all at once, one per line.
func Decode(text []byte) (*settings.Settings, error) {
	tree, err := parse("", text)
	if err != nil {
		return nil, err
	}
	return settings.Read(tree)
}

// parse reads TOML into a tree of plain values.
func parse(path string, text []byte) (map[string]any, error) {
	tree := map[string]any{}
	err := toml2.Unmarshal(text, &tree)
	var syntax *toml2.DecodeError
	if errors.As(err, &syntax) {
		line, column := syntax.Position()
		return nil, &SyntaxError{path, line, column, strings.TrimPrefix(syntax.Error(), "toml: ")}
	}
	if err != nil {
		return nil, &SyntaxError{path, 1, 1, strings.TrimPrefix(err.Error(), "toml: ")}
	}
	return tree, nil
}

// compiled is what a file and the environment come to.
type compiled struct {
	own      *settings.Settings // by the file alone, which is what is written back
	merged   *settings.Settings // with the environment over it
	warnings []string
}

// compile reads the text of the file at path and lays the environment over it.
func compile(path string, text []byte, environ []string) (compiled, error) {
	tree, err := parse(path, text)
	if err != nil {
		return compiled{}, err
	}
	// First by itself, in the user's own spelling: viper would make the keys lower case.
	own, ownErr := settings.Decode(tree)
	env := readEnvironment(environ)
	v := viper.New()
	if err := v.MergeConfigMap(tree); err != nil {
		return compiled{}, fmt.Errorf("read settings: %w", err)
	}
	for path, value := range env.values {
		v.Set(path, value)
	}
	merged, err := settings.Decode(v.AllSettings())
	if ownErr != nil {
		err = ownErr // the same mistakes
	}
	err = settings.JoinErrors(err, env.err, env.attribute(merged.Validate()))
	return compiled{own, merged, env.unknown(merged)}, err
}
