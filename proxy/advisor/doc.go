// Package advisor judges measured facts: what would make the proxy work better, and how well it
// has worked.
//
// [Advise] turns [Facts] into advice. Each piece rests on figures that are in it, says which
// settings to change, and what that should bring; how it went is measured afterwards by the same
// figure ([Measure]). It gives no advice without enough data, and says then what is missing.
//
// The functions are pure: they read no clock, no file and no connection. Who asks gathers the
// facts, and who takes advice applies it through the settings as any other edit.
//
// # What keeps advice from doing harm
//
// Facts are of a time in which the settings that matter did not change, so that nothing is blamed
// on a value that is no longer there. The situations are looked at in an order in which causes
// stand before their effects; what touches a setting that an earlier piece of advice changes is
// left out until that was tried, and so is what would take back a piece that was applied.
package advisor
