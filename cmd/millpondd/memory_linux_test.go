package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestUnwritten(t *testing.T) {
	const maps = `555500000000-555500200000 r--p 00000000 08:02 173521                     /usr/bin/millpondd
Size:               2048 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
Swap:                  0 kB
THPeligible:           0
VmFlags: rd mr mw me sd
555500200000-555500c00000 r-xp 00200000 08:02 173521                     /usr/bin/millpondd
Anonymous:             0 kB
Swap:                  0 kB
555500c00000-555500e00000 r--p 00c00000 08:02 173521                     /usr/bin/millpondd
Anonymous:          2048 kB
Swap:                  0 kB
555500e00000-555500e10000 r--p 00e00000 08:02 173521                     /usr/bin/millpondd
Anonymous:             0 kB
Swap:                 64 kB
555500e10000-555500e80000 rw-p 00e10000 08:02 173521                     /usr/bin/millpondd
Anonymous:             0 kB
555500e80000-555500f00000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000010000 r-xp 00000000 08:02 99                         /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000010000-7f0000011000 r--p 00000000 00:00 0                          [vvar]
`
	want := []mapping{{0x555500000000, 0x555500200000}, {0x555500200000, 0x555500c00000}}
	if got := unwritten([]byte(maps), "/usr/bin/millpondd"); !slices.Equal(got, want) {
		t.Errorf("got %x; want %x", got, want)
	}
}

// Memory is given back and the program goes on, built as it is for "make build" and,
// position-independent, for packages.
func TestGiveBack(t *testing.T) {
	if os.Getenv("MILLPOND_GIVE_BACK") != "" {
		for range 3 {
			giveBack()
			text, err := json.Marshal(map[string]any{"pages": os.Getpagesize(), "names": []string{"a", "b"}})
			if err != nil || len(text) == 0 {
				t.Fatal(err)
			}
		}
		return
	}
	for _, mode := range []string{"exe", "pie"} {
		program := filepath.Join(t.TempDir(), mode)
		build := exec.Command("go", "test", "-c", "-trimpath", "-buildmode="+mode, "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", mode, err, out)
		}
		again := exec.Command(program, "-test.run", "^TestGiveBack$", "-test.v")
		again.Env = append(os.Environ(), "MILLPOND_GIVE_BACK=1")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%.2000s", mode, err, out)
		}
	}
}
