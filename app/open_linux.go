package app

// folderOpener is the program that shows a folder; its exit code counts: xdg-open(1).
const (
	folderOpener = "xdg-open"
	openerLies   = false
)
