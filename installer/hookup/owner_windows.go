package hookup

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: a new file inherits the rights of its folder.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
