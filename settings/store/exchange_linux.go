package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchange makes two files change places in one step, renameat2(2). The error is
// errors.ErrUnsupported where the file system cannot.
func exchange(a, b string) error { return rename2(a, b, unix.RENAME_EXCHANGE) }

// renameNew renames a file unless the other name is taken, which is ErrChanged.
func renameNew(from, to string) error {
	err := rename2(from, to, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EEXIST):
		return ErrChanged
	case errors.Is(err, errors.ErrUnsupported):
		return os.Rename(from, to)
	}
	return err
}

// rename2 calls renameat2. Some file systems answer EINVAL to what they do not know.
func rename2(from, to string, flags uint) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
	switch err {
	case nil:
		return nil
	case unix.ENOSYS, unix.EINVAL, unix.ENOTSUP:
		return errors.ErrUnsupported
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}
