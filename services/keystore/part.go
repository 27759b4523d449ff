package keystore

import (
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Part is the keystore as a node runs it: with the validator's key and the log of what it signed.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			s := datadir.Signer(n.Home)
			return Spec(Config{Disk: s.Disk, KeyFile: s.KeyFile, Dir: s.Dir}), nil
		},
		// A signature takes less than handing it to another thread.
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.One}},
		Secrets: datadir.CopySigner,
		Owns:    "the validator's key: persists, syncs, signs, and never signs two things that conflict",
	}
}
