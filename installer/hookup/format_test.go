package hookup

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

const ours = "http://127.0.0.1:7860"

// A setting is a file before and after the key is set to X.
type setting struct {
	name       string
	key        format
	text, want string
}

// layouts are the ways in which a person may keep their file.
func layouts() []setting {
	env := jsonKey{"env", "URL"}
	url := tomlKey{"url"}
	return []setting{
		{"json, empty file", env, "", "{\n  \"env\": {\n    \"URL\": \"X\"\n  }\n}\n"},
		{"json, empty object", env, "{}\n", "{\n  \"env\": {\n    \"URL\": \"X\"\n  }\n}\n"},
		{"json, empty object on two lines", env, "{\n}", "{\n  \"env\": {\n    \"URL\": \"X\"\n  }\n}"},
		{"json, replaced", env, `{"env": {"URL":  "old", "B": 1}}`, `{"env": {"URL":  "X", "B": 1}}`},
		{"json, no env", env, "{\n    \"a\": 1\n}\n", "{\n    \"a\": 1,\n    \"env\": {\n        \"URL\": \"X\"\n    }\n}\n"},
		{"json, tabs", env, "{\n\t\"a\": 1\n}\n", "{\n\t\"a\": 1,\n\t\"env\": {\n\t\t\"URL\": \"X\"\n\t}\n}\n"},
		{"json, CRLF", env, "{\r\n  \"a\": 1\r\n}\r\n", "{\r\n  \"a\": 1,\r\n  \"env\": {\r\n    \"URL\": \"X\"\r\n  }\r\n}\r\n"},
		{"json, other variables", env, "{\n  \"env\": {\n    \"A\": \"1\"\n  },\n  \"b\": 2\n}\n", "{\n  \"env\": {\n    \"A\": \"1\",\n    \"URL\": \"X\"\n  },\n  \"b\": 2\n}\n"},
		{"json, empty env", env, "{\n  \"env\": {},\n  \"b\": 2\n}\n", "{\n  \"env\": {\n    \"URL\": \"X\"\n  },\n  \"b\": 2\n}\n"},
		{"json, one line", env, `{"a":1}`, `{"a":1,"env":{"URL":"X"}}`},
		{"json, one spaced line", env, `{ "a": 1 }`, `{ "a": 1, "env": {"URL": "X"} }`},
		{"json, env within a line", env, "{\n  \"env\": {\"A\": \"1\"}\n}\n", "{\n  \"env\": {\"A\": \"1\", \"URL\": \"X\"}\n}\n"},
		{"json, comments", env, "// head\n{\n  \"a\": 1 // one\n  // end\n}\n", "// head\n{\n  \"a\": 1, // one\n  // end\n  \"env\": {\n    \"URL\": \"X\"\n  }\n}\n"},
		{"json, trailing comma", env, "{\n  \"env\": {\n    \"A\": \"1\",\n  },\n}\n", "{\n  \"env\": {\n    \"A\": \"1\",\n    \"URL\": \"X\",\n  },\n}\n"},
		{"json, twice the same name", env, `{"env": {"URL": "a"}, "env": {"URL": "b"}}`, `{"env": {"URL": "a"}, "env": {"URL": "X"}}`},
		{"json, null", env, `{"env": {"URL": null}}`, `{"env": {"URL": "X"}}`},

		{"toml, empty file", url, "", "url = \"X\"\n"},
		{"toml, replaced", url, "a = 1\nurl   =  'old'   # mine\n[t]\nurl = 2\n", "a = 1\nurl   =  \"X\"   # mine\n[t]\nurl = 2\n"},
		{"toml, after the last key at the top", url, "a = 1 # one\n\n# about t\n[t]\nb = 2\n", "a = 1 # one\nurl = \"X\"\n\n# about t\n[t]\nb = 2\n"},
		{"toml, after a value of several lines", url, "a = [\n  1, # one\n]\n[t]\n", "a = [\n  1, # one\n]\nurl = \"X\"\n[t]\n"},
		{"toml, a table first", url, "[t]\nb = 2\n", "url = \"X\"\n\n[t]\nb = 2\n"},
		{"toml, no end of the last line", url, "a = 1", "a = 1\nurl = \"X\""},
		{"toml, CRLF", url, "a = 1\r\n[t]\r\n", "a = 1\r\nurl = \"X\"\r\n[t]\r\n"},
		{"toml, a text that looks like a table", url, "a = '''\n[t]\nurl = 1\n'''\n", "a = '''\n[t]\nurl = 1\n'''\nurl = \"X\"\n"},
		{"toml, quoted key", url, "\"url\" = \"old\"\n", "\"url\" = \"X\"\n"},
		{"toml, in a table", tomlKey{"p", "x.y", "url"}, "[p.\"x.y\"]\nname = 'n'\nurl = \"old\"\n[[p.z]]\nurl = 1\n", "[p.\"x.y\"]\nname = 'n'\nurl = \"X\"\n[[p.z]]\nurl = 1\n"},
		{"toml, dotted", tomlKey{"p", "a", "url"}, "p.a.url = \"old\"\np.b.url = \"b\"\n", "p.a.url = \"X\"\np.b.url = \"b\"\n"},
		{"toml, inline", tomlKey{"p", "a", "url"}, "p = { b = { url = 'b' }, a = { n = 1, url = 'old' } }\n", "p = { b = { url = 'b' }, a = { n = 1, url = \"X\" } }\n"},

		{"dotenv, empty file", dotenvKey("URL"), "", "URL=X\n"},
		{"dotenv, replaced", dotenvKey("URL"), "A=1\nURL=old # mine\nB=2\n", "A=1\nURL=X # mine\nB=2\n"},
		{"dotenv, exported and quoted", dotenvKey("URL"), "export URL = \"old\"\n", "export URL = X\n"},
		{"dotenv, the last counts", dotenvKey("URL"), "URL=a\nURL=b\n", "URL=a\nURL=X\n"},
		{"dotenv, no value", dotenvKey("URL"), "URL=\nB=2\n", "URL=X\nB=2\n"},
		{"dotenv, no end of the last line", dotenvKey("URL"), "A=1", "A=1\nURL=X"},
		{"dotenv, CRLF", dotenvKey("URL"), "A=1\r\nURL=old\r\n", "A=1\r\nURL=X\r\n"},
		{"dotenv, after a name that would take the line for its value", dotenvKey("URL"), "A:\n", "A:\n\nURL=X\n"},
		{"dotenv, commented out", dotenvKey("URL"), "# URL=old\n", "# URL=old\nURL=X\n"},
		{"dotenv, within a text of several lines", dotenvKey("URL"), "KEY=\"\nURL=inside\n\"\n", "KEY=\"\nURL=inside\n\"\nURL=X\n"},
	}
}

// In every layout the key is set, and only that is new.
func TestSet(t *testing.T) {
	for _, tt := range layouts() {
		t.Run(tt.name, func(t *testing.T) {
			got, made, err := tt.key.set([]byte(tt.text), tt.key.quote("X"))
			if err != nil || string(got) != tt.want {
				t.Fatalf("got\n%s(%v); want\n%s", got, err, tt.want)
			}
			v, set, err := tt.key.get(got)
			if err != nil || !set || v.Text != "X" {
				t.Errorf("got %+v, %v, %v from what was set; want X", v, set, err)
			}
			if _, was, err := tt.key.get([]byte(tt.text)); was || err != nil {
				return // it had another value before
			}
			got, err = tt.key.unset(got, made)
			if err != nil {
				t.Fatal(err)
			}
			if squeeze(string(got)) != squeeze(tt.text) {
				t.Errorf("got\n%s when it was taken away; want\n%s", got, tt.text)
			}
		})
	}
}

// squeeze removes what taking a key away may leave: white space, and the empty object of a new file.
func squeeze(text string) string {
	return strings.TrimPrefix(strings.Join(strings.Fields(text), ""), "{}")
}

// What the person wrote around the key stays when it is taken away.
func TestUnset(t *testing.T) {
	env := jsonKey{"env", "URL"}
	tests := []struct {
		name       string
		key        format
		made       int
		text, want string
	}{
		{"json, in the middle", env, 0, "{\n  \"env\": {\n    \"A\": 1,\n    // ours\n    \"URL\": \"X\",\n    \"B\": 2\n  }\n}\n", "{\n  \"env\": {\n    \"A\": 1,\n    // ours\n    \"B\": 2\n  }\n}\n"},
		{"json, the last", env, 0, "{\"env\": {\"A\": 1 , \"URL\": \"X\"}}", "{\"env\": {\"A\": 1 }}"},
		{"json, the last before a comma", env, 0, "{\"env\": {\"A\": 1, \"URL\": \"X\",}}", "{\"env\": {\"A\": 1,}}"},
		{"json, the object that was there", env, 0, "{\"env\": {\"URL\": \"X\"}}", "{\"env\": {}}"},
		{"json, the object that was made", env, 1, "{\"a\": 1, \"env\": {\"URL\": \"X\"}}", "{\"a\": 1}"},
		{"json, the object that was made and is used", env, 1, "{\"env\": {\"URL\": \"X\", \"A\": 1}}", "{\"env\": { \"A\": 1}}"},
		{"json, the object that was made and has a comment", env, 1, "{\"env\": {\"URL\": \"X\" /* c */}}", "{\"env\": { /* c */}}"},
		{"json, not there", env, 1, "{ }", "{ }"},
		{"toml, with a comment beside it", tomlKey{"url"}, 0, "a = 1\nurl = \"X\" # mine\nb = 2\n", "a = 1\n# mine\nb = 2\n"},
		{"toml, not there", tomlKey{"url"}, 0, "[t]\nurl = 1\n", "[t]\nurl = 1\n"},
		{"dotenv", dotenvKey("URL"), 0, "A=1\nexport URL=\"X\" # c\nB=2\n", "A=1\nB=2\n"},
		{"dotenv, the only line", dotenvKey("URL"), 0, "URL=X", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.key.unset([]byte(tt.text), tt.made)
			if err != nil || string(got) != tt.want {
				t.Errorf("got\n%s(%v); want\n%s", got, err, tt.want)
			}
		})
	}
}

// A file that cannot be edited is refused with its place, and never quoted: it may hold a key.
func TestRefused(t *testing.T) {
	tests := []struct {
		name         string
		key          format
		text         string
		line, column int
	}{
		{"json, cut off", jsonKey{"env", "URL"}, "{\n  \"env\": {\n", 3, 1},
		{"json, a word", jsonKey{"env", "URL"}, "{\n  \"env\": sk-secret\n}", 2, 10},
		{"json, no comma", jsonKey{"env", "URL"}, "{\"a\": \"sk-secret\" \"b\": 2}", 1, 19},
		{"json, a list", jsonKey{"env", "URL"}, "\n[1]", 2, 1},
		{"json, env is a text", jsonKey{"env", "URL"}, "{\n\"env\": \"sk-secret\"}", 2, 8},
		{"toml, no value", tomlKey{"url"}, "a = 1\nb = sk-secret\n", 2, 5},
		{"toml, twice the same key", tomlKey{"url"}, "a = 'sk-secret'\na = 2\n", 2, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := tt.key.set([]byte(tt.text), tt.key.quote("X"))
			var at *lineError
			if !errors.As(err, &at) || at.line != tt.line || at.column != tt.column {
				t.Errorf("got %v; want an error at %d:%d", err, tt.line, tt.column)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("got %q, which quotes the file", err)
			}
		})
	}
}

// Whatever is put in and taken out, a splice brings back every byte.
func TestSplice(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() []byte {
		b := make([]byte, random.IntN(12))
		for i := range b {
			b[i] = "ab\n"[random.IntN(3)]
		}
		return b
	}
	for range 20_000 {
		before, next := text(), text()
		got, ok := spliceOf(before, next).undo(next)
		if !ok || string(got) != string(before) {
			t.Fatalf("from %q to %q: got %q, %v back", before, next, got, ok)
		}
		if _, ok := spliceOf(before, next).undo(append(next, 'c')); ok {
			t.Fatalf("from %q to %q: got the undoing of another text", before, next)
		}
	}
}

// No text makes the editors panic, write what they cannot read, or change more than the key.
func FuzzSet(f *testing.F) {
	f.Add("{\n  // c\n  \"env\": {\"A\": 1,},\n}\n")
	f.Add("a = 1\n[t]\nb = { c = 2 } # d\n")
	f.Add("A=1\nexport B=\"2\n3\"\n# c\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, key := range []format{jsonKey{"env", "URL"}, tomlKey{"url"}, dotenvKey("URL")} {
			next, made, err := key.set([]byte(text), key.quote(ours))
			if err != nil {
				continue
			}
			v, set, err := key.get(next)
			if err != nil || !set || v.Text != ours {
				t.Fatalf("%T: got %+v, %v, %v from %q; want %s", key, v, set, err, next, ours)
			}
			if got, ok := spliceOf([]byte(text), next).undo(next); !ok || string(got) != text {
				t.Fatalf("%T: got %q back; want %q", key, got, text)
			}
			gone, err := key.unset(next, made)
			if err != nil {
				continue // in an inline table
			}
			if _, _, err := key.get(gone); err != nil {
				t.Fatalf("%T: got %v from %q, out of which the key was taken", key, err, gone)
			}
		}
	})
}
