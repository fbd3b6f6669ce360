package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Whatever an editor saved between our reading and our replacing is there afterwards, and
// the edit is refused.
func TestSwapPutsBackWhatItHasNotRead(t *testing.T) {
	ours := content{true, "ours"}
	tests := []struct {
		name    string
		present string // what the file holds; "" is none
		was     content
		by      func(name, path string, was, ours content) error
		want    string
		err     error
	}{
		{"as it was read", "read", content{true, "read"}, swapIn, "ours", nil},
		{"saved meanwhile", "edited", content{true, "read"}, swapIn, "edited", ErrChanged},
		{"saved in the last moment", "edited", content{true, "read"}, swap, "edited", ErrChanged},
		{"taken away in the last moment", "", content{true, "read"}, swap, "", ErrChanged},
		{"the first one", "", content{}, swapIn, "ours", nil},
		{"not the first one", "edited", content{}, swapIn, "edited", ErrChanged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "settings.toml")
			if test.present != "" {
				if err := os.WriteFile(path, []byte(test.present), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			name, err := writeBeside(path, []byte(ours.text))
			if err != nil {
				t.Fatal(err)
			}
			if err := test.by(name, path, test.was, ours); !errors.Is(err, test.err) {
				t.Errorf("got %v; want %v", err, test.err)
			}
			got, err := readContent(path)
			if err != nil || got != (content{test.want != "", test.want}) {
				t.Errorf("got %+v, %v; want %q", got, err, test.want)
			}
		})
	}
}
