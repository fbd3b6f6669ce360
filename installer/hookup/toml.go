package hookup

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	toml2 "github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A tomlKey is the path of a key in a TOML file. One that is not there yet can be set at the top
// only: a table of the person's is not begun for them.
type tomlKey []string

// quote writes a basic string (TOML 1.0, "String"), whose escapes are those of JSON.
func (k tomlKey) quote(text string) string { return jsonKey(nil).quote(text) }

func (k tomlKey) get(text []byte) (value, bool, error) {
	at, err := k.find(text)
	if err != nil || !at.found {
		return value{}, false, err
	}
	return value{string(text[at.from:at.to]), at.text}, true, nil
}

func (k tomlKey) set(text []byte, raw string) ([]byte, int, error) {
	at, err := k.find(text)
	if err != nil {
		return nil, 0, err
	}
	if at.found {
		return slices.Concat(text[:at.from], []byte(raw), text[at.to:]), 0, nil
	}
	if len(k) > 1 {
		return nil, 0, &lineError{1, 1, strings.Join(k, ".") + ", the address of the model_provider, is not there to be changed"}
	}
	eol := lineEnd(text)
	line := k[0] + " = " + raw + eol
	switch {
	case at.rootEnd > 0 && text[at.rootEnd-1] != '\n':
		line = eol + strings.TrimSuffix(line, eol) // the last line of the file, which has no end
	case at.rootEnd == 0 && len(bytes.TrimSpace(text)) > 0 && !bytes.HasPrefix(text, []byte(eol)):
		line += eol
	}
	return slices.Concat(text[:at.rootEnd], []byte(line), text[at.rootEnd:]), 0, nil
}

func (k tomlKey) unset(text []byte, _ int) ([]byte, error) {
	at, err := k.find(text)
	if err != nil || !at.found {
		return text, err
	}
	if at.inline {
		return nil, errorAt(text, at.from, strings.Join(k, ".")+" stands in an inline table, out of which it cannot be taken")
	}
	from, to := at.lineFrom, at.lineTo
	if rest := text[at.to:to]; bytes.ContainsRune(rest, '#') { // the person's comment beside it stays
		to = at.to + bytes.IndexByte(rest, '#')
	}
	return slices.Concat(text[:from], text[to:]), nil
}

// A tomlPlace is where a key stands in a text, as offsets.
type tomlPlace struct {
	found            bool
	from, to         int // of the value
	lineFrom, lineTo int // of the lines that it takes
	inline           bool
	text             string // of the value
	rootEnd          int    // behind the last line of a key at the top; 0 when there is none
}

// find looks for the key. The whole text is checked first.
func (k tomlKey) find(text []byte) (tomlPlace, error) {
	var all map[string]any
	if err := toml2.Unmarshal(text, &all); err != nil {
		return tomlPlace{}, tomlError(err)
	}
	var at tomlPlace
	var p unstable.Parser
	p.Reset(text)
	var table []string
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table:
			table = append([]string{}, parts(e)...)
		case unstable.ArrayTable:
			table = append(parts(e), "") // no key of ours is in a list
		case unstable.KeyValue:
			lineTo := endOfLine(text, int(e.Raw.Offset+e.Raw.Length))
			if table == nil {
				at.rootEnd = lineTo
			}
			if v, inline := k.within(e, table); v != nil {
				at.found, at.inline = true, inline
				at.from, at.to = int(v.Raw.Offset), int(v.Raw.Offset+v.Raw.Length)
				at.lineFrom, at.lineTo = bytes.LastIndexByte(text[:e.Raw.Offset], '\n')+1, lineTo
				at.text = string(v.Data)
			}
		}
	}
	return at, p.Error()
}

// within returns the value of the key if an expression sets it, and whether inside of an inline table.
func (k tomlKey) within(e *unstable.Node, table []string) (*unstable.Node, bool) {
	path := slices.Concat(table, parts(e))
	v := e.Value()
	switch {
	case slices.Equal(path, k):
		return v, false
	case v.Kind != unstable.InlineTable || len(path) >= len(k) || !slices.Equal(path, k[:len(path)]):
		return nil, false
	}
	for children := v.Children(); children.Next(); {
		if child := children.Node(); child.Kind == unstable.KeyValue {
			if found, _ := k.within(child, path); found != nil {
				return found, true
			}
		}
	}
	return nil, false
}

// parts returns the parts of an expression's key.
func parts(e *unstable.Node) []string {
	var list []string
	for key := e.Key(); key.Next(); {
		list = append(list, string(key.Node().Data))
	}
	return list
}

// endOfLine returns the offset behind the line that an offset is in.
func endOfLine(text []byte, from int) int {
	if i := bytes.IndexByte(text[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(text)
}

// tomlError gives an error of the parser its place.
func tomlError(err error) error {
	var syntax *toml2.DecodeError
	if !errors.As(err, &syntax) {
		return &lineError{1, 1, strings.TrimPrefix(err.Error(), "toml: ")}
	}
	line, column := syntax.Position()
	return &lineError{line, column, strings.TrimPrefix(syntax.Error(), "toml: ")}
}
