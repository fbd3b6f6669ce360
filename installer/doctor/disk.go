package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"millpond/proxy/control"
)

// How much room the state folder should have: the history may grow to 64 MB, the log to 50.
const (
	roomLow  = 200 << 20 // bytes
	roomNone = 20 << 20
)

// checkDisk looks whether history, learned ages and log can be kept.
func checkDisk(_ context.Context, v *visit) []Finding {
	var findings []Finding
	if v.status != nil {
		findings = judgeKeeping(v.status.Keeping)
	}
	dir := existing(v.StateDir)
	if f, err := os.CreateTemp(dir, ".doctor-*"); err != nil {
		findings = append(findings, problem("Make it writable for you, or name another with MILLPOND_STATE.", "the folder for state cannot be written: %v", err)...)
	} else {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}
	if room, err := freeBytes(dir); err == nil {
		findings = append(findings, judgeRoom(room, v.StateDir)...)
	}
	return findings
}

// judgeKeeping says what keeps the statistics from outliving the daemon.
func judgeKeeping(k control.Keeping) []Finding {
	switch k.Code {
	case "", "kept":
		return nil
	case "anew":
		return warn("Nothing; the damaged file was kept beside it.", "%s", k.Detail)
	case "newer":
		return warn("Update this version, or move the file away.", "%s", k.Detail)
	}
	return problem("Make room on that disk, and see that the folder can be written.", "the history is not kept: %s", k.Detail)
}

func judgeRoom(room uint64, dir string) []Finding {
	const do = "Make room there, or name another folder with MILLPOND_STATE."
	switch {
	case room < roomNone:
		return problem(do, "there are only %d MB left for %s", room>>20, dir)
	case room < roomLow:
		return warn(do, "there are only %d MB left for %s", room>>20, dir)
	}
	return ok("there is room for history and log in %s", dir)
}

// existing returns the folder, or the nearest one above that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
