package model

import (
	"time"

	"millpond/proxy/control"
)

// An AdviceView is what the page of the pool says of advice. The zero value is of
// before the daemon was asked.
type AdviceView struct {
	Known bool
	List  AdviceList
	Note  Text // that there is none, or why it is not known; may be empty
}

// AdviceViewOf describes what the daemon advises, or the error that came in its place.
func AdviceViewOf(a control.Advice, err error, now time.Time) AdviceView {
	if err != nil {
		return AdviceView{Note: T("advice.unknown", "Cause", err.Error())}
	}
	v := AdviceView{Known: true, List: AdviceOf(a, now)}
	if len(v.List.Items) == 0 {
		v.Note = T("advice.none")
		if len(v.List.Missing) > 0 {
			v.Note = T("advice.not_yet")
		}
	}
	return v
}

// Text words a change that advice would make.
func (c AdviceChange) Text() Text { return describe(c.Key, c.From, c.To) }
