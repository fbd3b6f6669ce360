package secret

import "os"

// checkMode allows every file: Windows keeps access lists, which the mode does not show, and files in
// a user's profile are that user's alone by default.
func checkMode(os.FileInfo) error { return nil }
