package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/zalando/go-keyring"
)

func TestParse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	tests := []struct {
		text string
		ok   bool
	}{
		{"", true},
		{"env:ANTHROPIC_API_KEY", true},
		{"keyring:anthropic", true},
		{"keyring:relay:second", true},
		{"file:" + file, true},
		{"env:", false},
		{"env:A=B", false},
		{"keyring:", false},
		{"file:", false},
		{"file:relative/key", false},
		{"ENV:X", false},
		{"vault:x", false},
		{"sk-ant-api03-abc", false},
		{"sk-ant:api03", false},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			r, err := Parse(test.text)
			if got := err == nil; got != test.ok {
				t.Fatalf("accepted = %v (%v); want %v", got, err, test.ok)
			}
			if err != nil {
				if test.text != "" && strings.Contains(err.Error(), "sk-ant") {
					t.Errorf("the error repeats the text: %v", err)
				}
				return
			}
			if got := r.String(); got != test.text {
				t.Errorf("String() = %q; want %q", got, test.text)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	}
	keyring.MockInit()
	if err := keyring.Set(Service, "relay", "from-keyring"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MILLPOND_TEST_SECRET", "from-env")
	tests := []struct{ name, ref, want, wantErr string }{
		{"none", "", "", ""},
		{"environment", "env:MILLPOND_TEST_SECRET", "from-env", ""},
		{"environment, unset", "env:MILLPOND_TEST_UNSET", "", "there is no such secret"},
		{"keyring", "keyring:relay", "from-keyring", ""},
		{"keyring, absent", "keyring:other", "", "there is no such secret"},
		{"file", write("good", "from-file\r\n", 0o600), "from-file", ""},
		{"file, read only", write("readonly", "from-file", 0o400), "from-file", ""},
		{"file, empty", write("empty", "\n", 0o600), "", "there is no such secret"},
		{"file, absent", "file:" + filepath.Join(dir, "absent"), "", "there is no such secret"},
		{"file, two lines", write("lines", "a\nb\n", 0o600), "", "more than one line"},
		{"file, large", write("large", strings.Repeat("x", largest+1), 0o600), "", "larger than 64 KiB"},
		{"folder", "file:" + dir, "", "not a regular file"},
	}
	if runtime.GOOS != "windows" { // there is no mode to look at
		tests = append(tests, struct{ name, ref, want, wantErr string }{
			"file, open to the group", write("open", "from-file", 0o640), "", "chmod 600 open"})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := Parse(test.ref)
			if err != nil {
				t.Fatal(err)
			}
			v, err := r.Resolve(t.Context())
			if got := v.Reveal(); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error = %v; want %q", err, test.wantErr)
			}
		})
	}
}

func TestResolveWithoutKeyring(t *testing.T) {
	keyring.MockInitWithError(errors.New("no session bus"))
	r, err := Parse("keyring:relay")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Resolve(t.Context())
	for _, want := range []string{"no session bus", "file:/PATH"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v; want it to contain %q", err, want)
		}
	}
}

func TestResolveEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	r, err := Parse("env:HOME")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v; want %v", err, context.DeadlineExceeded)
	}
}

func TestValueNeverPrints(t *testing.T) {
	const secret = "correct-horse"
	v := NewValue(secret)
	outer := struct {
		Exported   Value
		unexported Value
		pointer    *Value
	}{v, v, &v}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%p"} {
		printed = append(printed, fmt.Sprintf(verb, v), fmt.Sprintf(verb, &v), fmt.Sprintf(verb, outer), fmt.Sprintf(verb, []Value{v}))
	}
	for _, value := range []any{v, outer, map[string]Value{"k": v}} {
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed = append(printed, string(b))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", v, "outer", outer)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v, "outer", outer)
	printed = append(printed, log.String(), v.String(), v.GoString(), fmt.Errorf("wrap: %v", v).Error())
	for _, text := range printed {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("the secret is printed: %s", text)
		}
	}
	if got, want := fmt.Sprint(v), "[hidden]"; got != want {
		t.Errorf("Sprint = %q; want %q", got, want)
	}
}

func TestEqual(t *testing.T) {
	tests := []struct {
		name      string
		value     Value
		candidate string
		want      bool
	}{
		{"same", NewValue("abc"), "abc", true},
		{"other", NewValue("abc"), "abd", false},
		{"prefix", NewValue("abc"), "ab", false},
		{"empty", NewValue("abc"), "", false},
		{"none", Value{}, "", false},
		{"none, any", Value{}, "abc", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.value.Equal(test.candidate); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}
