package store

import "os"

// giveToOwner does nothing: on Windows a file inherits the rights of its folder.
func giveToOwner(*os.File, string) error { return nil }
