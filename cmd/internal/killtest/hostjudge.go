package killtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// judge looks at what a drill has left behind.
func (d *liarsDrill) judge(ctx context.Context, before *devnet.Status) error {
	d.row.Share = d.row.Lying.PerSecond / max(0.01, d.row.Calm.PerSecond)
	d.row.PerBlock = d.row.Lying.perBlock() / max(0.01, d.row.Calm.perBlock())
	if d.row.Share < d.Share && d.row.PerBlock < d.Share {
		d.fault("%.2f of the calm rate, %.2f of the candidates in a relay block; one should be %.2f at least",
			d.row.Share, d.row.PerBlock, d.Share)
	}
	if err := settle(ctx, clientsOf(&devnet.Status{Nodes: d.honest}, relayChain)); err != nil {
		d.fault("the honest ones don't agree: %v", err)
	}
	after, err := d.client.Status(ctx)
	if err != nil {
		return err
	}
	for _, m := range moved(before, after, d.liar.Name, d.row.Kind.Part()) {
		d.fault("%s changed", m)
	}
	for _, c := range d.para.watcher.conflictsNow() {
		d.fault("two blocks at one height: %s", c)
	}
	if err := d.standing(ctx); err != nil {
		return err
	}
	if err := d.evidence(ctx); err != nil {
		return err
	}
	if err := d.recorded(ctx); err != nil {
		return err
	}
	return d.invariants(ctx)
}

// invariants looks whether they have held, and what the honest ones must keep is there.
func (d *liarsDrill) invariants(ctx context.Context) (err error) {
	d.row.Audited, _, _ = d.audit.Followed()
	if d.row.Read, err = d.audit.Read(ctx, reread); err != nil {
		return fmt.Errorf("reading what validators must keep: %w", err)
	}
	if d.row.Audited == 0 || d.row.Read.Chunks == 0 || d.row.Read.Recovered == 0 {
		d.fault("nothing was held against the invariants: %d blocks, %+v", d.row.Audited, d.row.Read)
	}
	for _, v := range d.audit.Violations() {
		d.fault("%s: %s", v.Invariant, v.What)
	}
	return nil
}

func (d *liarsDrill) fault(format string, args ...any) {
	d.report.fault("%s: %s", d.row.Kind, fmt.Sprintf(format, args...))
}

// leastStanding is how low an honest validator may stand with another: a fifth of what it is banned for. That happens
// where something is lost on its way.
const leastStanding = -200

// standing looks what the honest validators hold against each other.
func (d *liarsDrill) standing(ctx context.Context) error {
	honest := map[primitives.NodeID]string{}
	for _, n := range d.honest {
		honest[n.NodeID] = n.Name
	}
	for _, n := range d.honest {
		text, err := exec.CommandContext(ctx, d.net.Program, "node", "peers", "--node", n.Name, "--data-dir",
			d.net.Home.Dir, "-o", "json").Output()
		if err != nil {
			return fmt.Errorf("the peers of %s: %w", n.Name, err)
		}
		var peers []gateway.Peer
		if err := json.Unmarshal(text, &peers); err != nil {
			return fmt.Errorf("the peers of %s: %w", n.Name, err)
		}
		for _, p := range peers {
			name, is := honest[p.NodeID]
			if !is {
				d.row.LiarsOwn = min(d.row.LiarsOwn, p.Reputation)
				continue
			}
			d.row.Standing = min(d.row.Standing, p.Reputation)
			if p.Reputation < leastStanding || p.BannedMillis > 0 {
				d.fault("honest %s stands at %d with %s", name, p.Reputation, n.Name)
			}
		}
	}
	return nil
}

// evidence looks at what each honest node keeps, and has the program check every file of the first of them.
func (d *liarsDrill) evidence(ctx context.Context) error {
	d.row.Evidence = -1
	for i, n := range d.honest {
		dir := d.net.Home.Node(n.Name).Evidence(relayChain)
		names, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		seen, kept := map[string]bool{}, 0
		for _, f := range names {
			if !strings.HasSuffix(f.Name(), offence.Suffix) {
				continue
			}
			path := filepath.Join(dir, f.Name())
			kept++
			if err := d.piece(n.Name, path, seen); err != nil {
				return err
			}
			if i == 0 {
				verify := exec.CommandContext(ctx, d.net.Program, "evidence", "verify", path,
					"--genesis", d.net.Home.Genesis())
				if text, err := verify.CombinedOutput(); err != nil {
					d.fault("`evidence verify` refuses a file of %s: %v: %s", n.Name, err, text)
				}
			}
		}
		if d.row.Evidence < 0 || kept < d.row.Evidence {
			d.row.Evidence = kept
		}
	}
	if proves := d.row.Kind.Proves(); (proves != 0) != (d.row.Evidence > 0) {
		d.fault("each honest node keeps %d pieces of evidence at least, of %q", d.row.Evidence, proves)
	}
	return nil
}

// piece looks at one piece of evidence: it holds, against the liar alone, and is the only one of its offence.
func (d *liarsDrill) piece(node, path string, seen map[string]bool) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	e, f, err := offence.Open(b)
	if err != nil {
		d.fault("evidence on %s doesn't hold: %v", node, err)
		return nil
	}
	who := map[uint32]bool{} // is the liar
	for _, s := range e.GetSignatories() {
		who[s.GetIndex()] = bytes.Equal(s.GetValidator().GetPublicKey(), d.key[:])
		if s.GetOffender() && !who[s.GetIndex()] {
			d.fault("%s keeps evidence against an honest validator: %s by %d", node, f.Kind, s.GetIndex())
		}
	}
	about := strconv.Itoa(int(f.Account()))
	if f.Kind == statements.Disagreement {
		about = f.Candidate.String()
		d.outvoted(node, f, who)
	}
	what := fmt.Sprint(f.Kind, f.Context.RelayParent, about)
	if seen[what] {
		d.fault("%s keeps two pieces of evidence of one %s", node, f.Kind)
	}
	seen[what] = true
	return nil
}

// outvoted looks whom a disagreement blames: the side against which there is a quorum of all validators.
func (d *liarsDrill) outvoted(node string, f offence.Finding, liar map[uint32]bool) {
	valid, invalid := f.Sides()
	quorum := primitives.BackingQuorum(len(d.honest) + 1)
	blamed := []uint32{}
	if len(valid) >= quorum {
		blamed = invalid
	} else if len(invalid) >= quorum {
		blamed = valid
	}
	for _, v := range blamed {
		if !liar[v] {
			d.fault("%s keeps a disagreement that honest validator %d has lost", node, v)
		}
	}
}

// recordTime is how long the chain may take to record what was seen last.
const recordTime = 10 * time.Second

// recorded looks at what the relay chain has: of a lie that can be proven something, against the liar, each thing once.
func (d *liarsDrill) recorded(ctx context.Context) error {
	var list []relayvm.Offence
	var err error
	for limit := time.Now().Add(recordTime); ; {
		if list, err = relayOf(d.honest[0]).offences(ctx); err != nil {
			return err
		}
		if d.row.Offences = d.against(list); d.row.Offences > 0 || d.row.Kind.Proves() == 0 || time.Now().After(limit) {
			break
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	if d.row.Offences == 0 && d.row.Kind.Proves() != 0 {
		d.fault("the relay chain has recorded no %s", d.row.Kind.Proves())
	}
	seen := map[string]bool{}
	for _, o := range list {
		for _, v := range o.Offenders {
			if v.PublicKey != d.key {
				d.fault("the relay chain has recorded a %s of honest validator %d", o.Kind, v.Index)
			}
			what := fmt.Sprint(o.Kind, o.RelayParent, v.Index)
			if o.Kind == statements.Disagreement.String() {
				what += o.Candidate.String()
			}
			if seen[what] {
				d.fault("the relay chain has recorded a %s of validator %d twice", o.Kind, v.Index)
			}
			seen[what] = true
		}
	}
	return nil
}

// against counts what is recorded of the kind that the lie is, against the liar.
func (d *liarsDrill) against(list []relayvm.Offence) (n int) {
	for _, o := range list {
		for _, v := range o.Offenders {
			if v.PublicKey == d.key && o.Kind == d.row.Kind.Proves().String() {
				n++
			}
		}
	}
	return n
}

// machineLoad is how many processes want to run on this machine, of late; 0 where nobody knows.
func machineLoad() (load float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, _ = fmt.Sscan(string(text), &load)
	}
	return load
}
