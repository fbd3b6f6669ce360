package hookup

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailscale/hujson"
)

// A jsonKey is the path of a key in a JSON file, which may have comments and trailing commas. Of
// several members with one name the last counts, as in JavaScript.
type jsonKey []string

func (k jsonKey) quote(text string) string { return string(hujson.String(text)) }

func (k jsonKey) get(text []byte) (value, bool, error) {
	d, err := k.open(text)
	if err != nil || !d.found() {
		return value{}, false, err
	}
	raw := d.member().Value
	raw.BeforeExtra, raw.AfterExtra = nil, nil
	v := value{Raw: raw.String(), Text: raw.String()}
	if literal, ok := raw.Value.(hujson.Literal); ok {
		v.Text = literal.String()
	}
	return v, true, nil
}

func (k jsonKey) set(text []byte, raw string) ([]byte, int, error) {
	d, err := k.open(text)
	if err != nil {
		return nil, 0, err
	}
	parsed, err := hujson.Parse([]byte(raw))
	if err != nil {
		return nil, 0, err
	}
	if d.found() {
		d.member().Value.Value = parsed.Value
		return d.root.Pack(), 0, nil
	}
	missing := k[len(d.trail)-1:]
	d.trail[len(d.trail)-1].add(missing, parsed.Value, d.style)
	return d.root.Pack(), len(missing) - 1, nil
}

func (k jsonKey) unset(text []byte, made int) ([]byte, error) {
	d, err := k.open(text)
	if err != nil || !d.found() {
		return text, err
	}
	for i := len(d.trail) - 1; i >= 0; i-- {
		d.trail[i].remove()
		if made == 0 || !d.trail[i].empty() {
			break
		}
		made--
	}
	return d.root.Pack(), nil
}

// A jsonDoc is a JSON file with the way to a key.
type jsonDoc struct {
	root  hujson.Value
	trail []jsonObject // the objects on the way, as far as they are there
	style jsonStyle
}

// A jsonObject is one object on the way to a key.
type jsonObject struct {
	*hujson.Object
	index  int    // of the member that leads on; -1 when there is none
	indent string // of its own line
}

// A jsonStyle is how a file is laid out.
type jsonStyle struct {
	eol, unit string // the end of a line; one step of indentation
}

// found reports whether the key is there.
func (d *jsonDoc) found() bool { return d.trail[len(d.trail)-1].index >= 0 }

// member returns the key's own member, which must be there.
func (d *jsonDoc) member() *hujson.ObjectMember {
	last := d.trail[len(d.trail)-1]
	return &last.Members[last.index]
}

// open parses a text and goes towards the key. An empty text is an empty object.
func (k jsonKey) open(text []byte) (*jsonDoc, error) {
	d := &jsonDoc{style: jsonStyle{lineEnd(text), "  "}}
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}" + d.style.eol)
	}
	var err error
	if d.root, err = hujson.Parse(text); err != nil {
		return nil, jsonError(err)
	}
	at, indent := &d.root, ""
	for i, name := range k {
		object, ok := at.Value.(*hujson.Object)
		if !ok {
			return nil, errorAt(text, at.StartOffset, strings.TrimSpace(strings.Join(k[:i], ".")+" is not an object"))
		}
		o := jsonObject{Object: object, index: lastMember(object, name), indent: indent}
		d.trail = append(d.trail, o)
		if own, many := o.indentation(); i == 0 && many && own != "" {
			d.style.unit = own
		}
		if o.index < 0 {
			break
		}
		indent, _ = o.indentation()
		at = &object.Members[o.index].Value
	}
	return d, nil
}

// jsonPlace is how the parser tells the place of a mistake.
var jsonPlace = regexp.MustCompile(`line (\d+), column (\d+): (.*)`)

// jsonError gives an error of the parser its place, without the word of the file that it quotes.
func jsonError(err error) error {
	m := jsonPlace.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	line, _ := strconv.Atoi(m[1])
	column, _ := strconv.Atoi(m[2])
	message, _, _ := strings.Cut(m[3], ":")
	return &lineError{line, column, message}
}

// lastMember returns the place of the last member with a name; -1 when there is none.
func lastMember(o *hujson.Object, name string) int {
	for i, m := range slices.Backward(o.Members) {
		if literal, ok := m.Name.Value.(hujson.Literal); ok && literal.String() == name {
			return i
		}
	}
	return -1
}

// indentation returns how the members of an object are indented, and whether each has a line.
func (o jsonObject) indentation() (indent string, lines bool) {
	if len(o.Members) == 0 {
		return o.indent, false
	}
	before := string(o.Members[len(o.Members)-1].Name.BeforeExtra)
	i := strings.LastIndexByte(before, '\n')
	if i < 0 {
		return o.indent, false
	}
	line := before[i+1:]
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))], true
}

// add appends a member for the first name, which holds an object with the next, and so on.
func (o jsonObject) add(names []string, v hujson.ValueTrimmed, style jsonStyle) {
	indent, lines := o.indentation()
	if !lines && (len(o.Members) == 0 || bytes.ContainsRune(o.AfterExtra, '\n')) {
		indent, lines = o.indent+style.unit, true
	}
	m := hujson.ObjectMember{Name: hujson.Value{Value: hujson.String(names[0])}}
	m.Value.BeforeExtra = hujson.Extra(" ")
	if n := len(o.Members); n > 0 {
		last := &o.Members[n-1].Value
		if isSpace(last.BeforeExtra) {
			m.Value.BeforeExtra = last.BeforeExtra
		}
		if last.AfterExtra != nil { // a comma follows the last member
			m.Value.AfterExtra = hujson.Extra{}
		}
	}
	// What stands behind the last member, a comment perhaps, now stands before this one.
	comments := bytes.TrimRight(o.AfterExtra, " \t\r\n")
	end := o.AfterExtra[len(comments):]
	lead := style.eol + indent
	switch {
	case !lines:
		lead = string(m.Value.BeforeExtra)
	case len(o.Members) == 0 && !bytes.ContainsRune(end, '\n'):
		end = hujson.Extra(style.eol + o.indent)
	}
	m.Name.BeforeExtra = hujson.Extra(string(comments) + lead)
	o.AfterExtra = end
	if len(names) > 1 {
		inner := jsonObject{Object: &hujson.Object{}, indent: indent}
		if lines {
			inner.add(names[1:], v, style)
		} else {
			inner.addInline(names[1:], v, m.Value.BeforeExtra)
		}
		v = inner.Object
	}
	m.Value.Value = v
	o.Members = append(o.Members, m)
}

// addInline is add to an empty object within a line.
func (o jsonObject) addInline(names []string, v hujson.ValueTrimmed, colon hujson.Extra) {
	if len(names) > 1 {
		inner := jsonObject{Object: &hujson.Object{}}
		inner.addInline(names[1:], v, colon)
		v = inner.Object
	}
	o.Members = append(o.Members, hujson.ObjectMember{
		Name: hujson.Value{Value: hujson.String(names[0])}, Value: hujson.Value{BeforeExtra: colon, Value: v},
	})
}

// remove takes away the member that leads on. A comment above it stays.
func (o jsonObject) remove() {
	m := o.Members[o.index]
	o.Members = slices.Delete(o.Members, o.index, o.index+1)
	above := hujson.Extra(bytes.TrimRight(m.Name.BeforeExtra, " \t\r\n"))
	if o.index < len(o.Members) {
		next := &o.Members[o.index].Name
		next.BeforeExtra = slices.Concat(above, next.BeforeExtra)
		return
	}
	o.AfterExtra = slices.Concat(above, o.AfterExtra)
	if n := len(o.Members); n > 0 {
		last := &o.Members[n-1].Value
		switch commaAfter := m.Value.AfterExtra != nil; {
		case commaAfter && last.AfterExtra == nil:
			last.AfterExtra = hujson.Extra{}
		case !commaAfter:
			o.AfterExtra = slices.Concat(last.AfterExtra, o.AfterExtra)
			last.AfterExtra = nil
		}
	} else if isSpace(o.AfterExtra) {
		o.AfterExtra = nil
	}
}

// empty reports whether nothing is left in the object, no comment either.
func (o jsonObject) empty() bool { return len(o.Members) == 0 && isSpace(o.AfterExtra) }

// isSpace reports whether there is no comment.
func isSpace(extra hujson.Extra) bool { return len(bytes.TrimSpace(extra)) == 0 }
