package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/reevenet/reeve/cmd/internal/strangers"
)

func (f *flags) runStrangers(ctx context.Context) error {
	n, client, err := f.start(ctx, f.validators)
	if err != nil {
		return err
	}
	defer n.down()
	o := strangers.Options{Client: client, Home: n.home, Chain: f.chain, For: f.lasts, Out: os.Stdout}
	if f.kinds != "" {
		o.Kinds = strings.Split(f.kinds, ",")
	}
	r, err := strangers.Run(ctx, o)
	if err != nil {
		return err
	}
	for _, fault := range r.Faults {
		fmt.Println("FAULT ", fault)
	}
	if len(r.Faults) > 0 {
		return errFaults
	}
	fmt.Println("strangers cost little, and nothing that stays")
	return nil
}
