package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"millpond/installer/service"
)

func (a *app) serviceUninstallCommand() *cobra.Command {
	var asJSON, purge, yes bool
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "Stop the service and remove it; settings and statistics stay unless --purge",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			if purge && !yes {
				if err := a.confirmPurge(s.Leavings()); err != nil {
					return err
				}
			}
			report, err := a.uninstallService(c.Context(), s, purge)
			if err != nil {
				return a.serviceError(err)
			}
			if asJSON {
				return writeJSON(a.std.out, report)
			}
			return a.tellUninstalled(report)
		},
	}
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&purge, "purge", false, "remove settings, statistics and log too")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask before removing them")
	return c
}

// confirmPurge says what will go and asks. Nothing is done without a yes.
func (a *app) confirmPurge(paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	fmt.Fprintf(a.std.err, "These settings, statistics and logs will be removed for good:\n  %s\nRemove them? [y/N] ", strings.Join(paths, "\n  "))
	answer, err := bufio.NewReader(a.std.in).ReadString('\n')
	if err != nil {
		fmt.Fprintln(a.std.err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	return &failure{code: exitRefused, err: errors.New("nothing was removed"), next: "Answer y, or give --yes."}
}

func (a *app) uninstallService(ctx context.Context, s *service.Service, purge bool) (serviceReport, error) {
	ctx, cancel := context.WithTimeout(ctx, serviceWait)
	defer cancel()
	a.progress("stopping and removing the service")
	if err := s.Uninstall(ctx); err != nil {
		return serviceReport{}, err
	}
	var removed []string
	agents := a.connectedClients(ctx)
	if purge {
		// What the agents' settings held before is in the state folder, which goes.
		if err := a.disconnectAll(ctx, agents); err != nil {
			return serviceReport{}, err
		}
		removed = s.Leavings()
		if err := s.Purge(ctx); err != nil {
			return serviceReport{}, err
		}
	}
	report, err := a.reportService(ctx, s)
	report.Kept, report.Removed = s.Leavings(), removed
	report.Connected = agents
	if purge {
		report.Connected, report.Disconnected = nil, agents
	}
	return report, err
}

func (a *app) tellUninstalled(r serviceReport) error {
	lines := []string{"The service is uninstalled."}
	switch {
	case len(r.Removed) > 0:
		lines = append(lines, "Removed with it: "+strings.Join(r.Removed, ", ")+".")
	case len(r.Kept) > 0:
		lines = append(lines, "Settings and statistics stay: "+strings.Join(r.Kept, ", ")+".",
			`Remove them with "millpondd service uninstall --purge".`)
	}
	if len(r.Disconnected) > 0 {
		lines = append(lines, "Agents that got their own settings back: "+strings.Join(r.Disconnected, ", ")+".")
	}
	if len(r.Connected) > 0 {
		lines = append(lines, strings.Join(r.Connected, ", ")+` still lead to it and will reach nobody: "millpondd disconnect --all" puts their settings back.`)
	}
	_, err := fmt.Fprintln(a.std.out, strings.Join(lines, "\n"))
	return err
}
