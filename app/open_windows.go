package app

// folderOpener is the program that shows a folder; it ends with code 1 whatever it did.
const (
	folderOpener = "explorer"
	openerLies   = true
)
