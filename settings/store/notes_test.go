package store

import (
	"path/filepath"
	"strings"
	"testing"

	"millpond/settings"
)

const annotated = `# What I run at home.
version = 1

[listen]
# The agent in the container needs both.
address = "localhost:7860" # both loopbacks

[pool]
preset = "gentle"
# The relay closes early.
idle_timeout = "5s"
# max_idle = 300

[[upstreams]] # the good one
name = "relay"
url = "http://relay.lan" # at home
weight = 1 # as before
[upstreams.pool]
max_idle = 3 # it counts them

# [[upstreams]]
# name = "old"
# url = "http://old.lan"

[forward]
allow = [
  "a.lan", # my box
  # and hers
  "b.lan",
]
# The end.
`

func TestSaveKeepsTheUsersComments(t *testing.T) {
	path := write(t, annotated)
	s := Open(path, nil)
	next := load(t, s)
	next.Failover.Attempts = 2
	next.Upstreams = append([]settings.Upstream{{Name: "new", Kind: settings.KindHTTP, URL: "http://new.lan", Weight: 1}}, next.Upstreams...)
	if err := s.Save(next); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	for _, want := range []string{
		"# What I run at home.\nversion = 1",
		"# The agent in the container needs both.\naddress = \"localhost:7860\"  # both loopbacks\n",
		"# The relay closes early.\nidle_timeout = \"5s\"",
		"\n# max_idle = 300\n",
		"[[upstreams]]  # the good one\nname = \"relay\"",
		"url = \"http://relay.lan\"  # at home\n",
		"weight = 1                # as before\n",
		"max_idle = 3  # it counts them\n",
		"\n\n# [[upstreams]]\n# name = \"old\"\n# url = \"http://old.lan\"\n[forward]\n",
		"# my box\n# and hers\nallow = [\"a.lan\", \"b.lan\"]",
		"\n# The end.\n",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there once", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestCommentsWhosePlaceIsGoneComeLast(t *testing.T) {
	s := Open(write(t, annotated), nil)
	next := load(t, s)
	next.Upstreams = nil
	if err := s.Save(next); err != nil {
		t.Fatal(err)
	}
	text := read(t, s.Path())
	if _, end, ok := strings.Cut(text, "switch_below"); !ok || !strings.HasSuffix(end, "\n# the good one\n# at home\n# as before\n# it counts them\n# The end.\n") {
		t.Errorf("file = %s", text)
	}
}

func TestSavingAgainAndAgainAddsNoComments(t *testing.T) {
	for name, text := range map[string]string{"ours": "", "the user's": annotated} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "settings.toml")
			rewrite(t, path, text)
			s := Open(path, nil)
			mine := load(t, s)
			length := 0
			for i := range 5 {
				if err := s.Save(withIdle(mine, i)); err != nil {
					t.Fatal(err)
				}
				if n := strings.Count(read(t, path), "#"); length != 0 && n != length {
					t.Fatalf("%d comments after %d saves; want %d\n%s", n, i+1, length, read(t, path))
				} else {
					length = n
				}
			}
			if err := s.Save(mine); err != nil { // max_idle is a comment again
				t.Fatal(err)
			}
			if err := s.Save(withIdle(mine, 0)); err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(read(t, path), "#"); n != length {
				t.Errorf("%d comments; want %d\n%s", n, length, read(t, path))
			}
		})
	}
}
