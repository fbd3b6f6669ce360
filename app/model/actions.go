package model

// Actions are what a person can ask for in the window. Each returns at once; what
// comes of it is in a later View. All are required unless they say otherwise.
type Actions struct {
	Switch func(on bool)     // let requests pass, or not
	Copy   func(text string) // to the clipboard
	Save   func(Edit)        // put settings in force; View.Saved tells
	Open   func(Page)        // this page is shown now, so that its facts are wanted; may be nil
}
