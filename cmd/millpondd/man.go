package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes the manual pages, which the packages bring. They come from the commands
// themselves, so that they cannot say anything else.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a folder",
		Long: `Write the manual pages into a folder, one for each command.

SOURCE_DATE_EPOCH, in seconds, is the date that they carry; without it that is today.`,
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			date := time.Now()
			if epoch := a.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
				seconds, err := strconv.ParseInt(epoch, 10, 64)
				if err != nil {
					return &failure{code: exitUsage, err: fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", epoch), next: "Unset it, or set it to one."}
				}
				date = time.Unix(seconds, 0).UTC()
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return failed(err, "Choose a folder that can be written.")
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Date: &date, Source: "Millpond " + programVersion(), Manual: "Millpond"}
			err := doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: header, Path: args[0], CommandSeparator: "-"})
			if err != nil {
				return failed(err, "Choose a folder that can be written.")
			}
			return nil
		},
	}
}
