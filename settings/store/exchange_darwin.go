package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchange makes two files change places in one step, renamex_np(2). The error is
// errors.ErrUnsupported where the file system cannot.
func exchange(a, b string) error { return rename2(a, b, unix.RENAME_SWAP) }

// renameNew renames a file unless the other name is taken, which is ErrChanged.
func renameNew(from, to string) error {
	err := rename2(from, to, unix.RENAME_EXCL)
	switch {
	case errors.Is(err, unix.EEXIST):
		return ErrChanged
	case errors.Is(err, errors.ErrUnsupported):
		return os.Rename(from, to)
	}
	return err
}

func rename2(from, to string, flag uint32) error {
	err := unix.RenamexNp(from, to, flag)
	switch err {
	case nil:
		return nil
	case unix.ENOTSUP, unix.EINVAL:
		return errors.ErrUnsupported
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}
