package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) svcScale() *cobra.Command {
	cmd := &cobra.Command{
		Use: "scale PART=COUNT...", Short: "Run so many instances of a part, which share its work",
		Args: takes(cobra.MinimumNArgs(1)),
		Long: `Start or stop instances of a part while the node runs, until there are so many. They share its work: each
question goes to the one that has least to do, or each relay parent or candidate to one of them. The node remembers it,
and starts with as many the next time. In containers "docker-compose up --scale" does the same.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		wanted := make([]scaling, len(args))
		for i, text := range args {
			var err error
			if wanted[i], err = scalingOf(text); err != nil {
				return usage(err)
			}
		}
		h, err := n.first()
		if err != nil {
			return err
		}
		c, err := a.keeper(h)
		if err != nil {
			return err
		}
		for _, s := range wanted {
			if err := c.Scale(cmd.Context(), h.Name, s.part, s.count); err != nil {
				return err
			}
			a.say("%s runs %d of %s.", h.Name, s.count, s.part)
		}
		return nil
	}
	return cmd
}

// scaling is how many there shall be of a part.
type scaling struct {
	part  string
	count int
}

func scalingOf(text string) (s scaling, err error) {
	name, count, ok := strings.Cut(text, "=")
	if s.part = name; !ok || name == "" {
		return s, fmt.Errorf("it is %q, it should be PART=COUNT, such as candidate-validation=3", text)
	}
	if s.count, err = strconv.Atoi(count); err != nil {
		return s, errors.Join(fmt.Errorf("%q is no number of instances", count), err)
	}
	return s, nil
}
