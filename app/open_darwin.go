package app

// folderOpener is the program that shows a folder; its exit code counts: open(1).
const (
	folderOpener = "open"
	openerLies   = false
)
