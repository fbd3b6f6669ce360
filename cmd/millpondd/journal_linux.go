package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// toJournal reports whether w is systemd's journal: $JOURNAL_STREAM names its device and inode
// (systemd.exec(5)), so that a redirected stderr is told from it.
func (a *app) toJournal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && a.getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}
