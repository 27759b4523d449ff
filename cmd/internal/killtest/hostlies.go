package killtest

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/reevenet/reeve/cmd/internal/auditor"
	"github.com/reevenet/reeve/cmd/internal/byzantine/host"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
)

// HostLiesOptions say how long a validator's parachain host lies in which ways.
type HostLiesOptions struct {
	// Network makes a network for each kind: what a liar did before would keep him away.
	Network func() (*devnet.Throwaway, error)
	For     time.Duration // each kind, and the calm time before
	Kinds   []host.Kind
	Share   float64 // of the calm rate, which the parachain must keep
	Out     io.Writer
}

// HostLiesReport is what became of the parachain and of the honest validators. Nothing is wrong when Faults is empty.
type HostLiesReport struct {
	Findings
	Drills []HostLie `json:"drills"`
}

// HostLie is a time in which the last validator's parachain host lied in one way, and the calm time before.
type HostLie struct {
	Kind      host.Kind `json:"kind"`
	Calm      pace      `json:"calm"`
	Lying     pace      `json:"lying"`
	Share     float64   `json:"shareOfCalm"`         // of the candidates per second
	PerBlock  float64   `json:"shareOfCalmPerBlock"` // of those per relay block
	Offences  int       `json:"offences"`            // that the relay chain has recorded against the liar
	Evidence  int       `json:"evidence"`            // pieces that every honest node keeps at least
	Standing  int       `json:"worstStanding"`       // of an honest validator with another
	LiarsOwn  int       `json:"liarsStanding"`       // with the honest one that likes it least
	LoadBegun float64   `json:"machineLoad"`
	// Audited is how many relay blocks were held against the invariants, and Read what was read at the honest ones.
	Audited uint64           `json:"auditedBlocks"`
	Read    auditor.Readings `json:"read"`
}

// pace is how a network went on for a time.
type pace struct {
	Included  int     `json:"included"`
	PerSecond float64 `json:"perSecond"`
	Blocks    uint64  `json:"relayBlocks"`
	Gap       float64 `json:"longestGapSeconds"`      // without an included candidate
	RelayGap  float64 `json:"longestRelayGapSeconds"` // without a relay block
}

func (p pace) perBlock() float64 { return float64(p.Included) / float64(max(1, p.Blocks)) }

// HostLies lets the parachain host of a network's last validator lie, in one way after the other, each on a network of
// its own with a parachain at work, and looks at the others: whether the parachain goes on, whether evidence holds
// against the liar alone and once for each offence, and that no process ends and nobody honest loses his standing.
func HostLies(ctx context.Context, o HostLiesOptions) (*HostLiesReport, error) {
	l := &hostLies{HostLiesOptions: o, report: &HostLiesReport{}}
	l.report.Faults = []Fault{}
	for _, kind := range o.Kinds {
		if err := l.drill(ctx, kind); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
	}
	return l.report, ctx.Err()
}

// hostLies is one run of the test.
type hostLies struct {
	HostLiesOptions
	report *HostLiesReport
}

// liarsDrill is what is needed of the network on which one kind is tried.
type liarsDrill struct {
	*hostLies
	net    *devnet.Throwaway
	client *devnet.Client
	honest []devnet.NodeStatus
	liar   devnet.NodeStatus
	key    primitives.Hash // of the liar
	para   *paraWatcher
	audit  *auditor.Auditor
	row    HostLie
}

func (l *hostLies) drill(ctx context.Context, kind host.Kind) error {
	net, err := l.Network()
	if err != nil {
		return err
	}
	defer net.Down()
	client, err := net.Up(ctx)
	if err != nil {
		return err
	}
	before, err := client.Status(ctx)
	if err != nil {
		return err
	}
	last := len(before.Nodes) - 1
	d := &liarsDrill{
		hostLies: l, net: net, client: client, honest: before.Nodes[:last], liar: before.Nodes[last],
		row: HostLie{Kind: kind, LoadBegun: machineLoad()},
	}
	if d.key, err = signingKey(net.Home, d.liar.NodeID); err != nil {
		return err
	}
	made, err := produce(ctx, net.Program, net.Home, d.honest[0].Name)
	if err != nil {
		return err
	}
	defer made.stop()
	d.para = watchPara(ctx, d.honest)
	defer d.para.stop()
	if d.audit, err = auditor.Start(ctx, net.Home, namesOf(d.honest)); err != nil {
		return err
	}
	defer d.audit.Stop()
	if err := d.para.begins(ctx); err != nil {
		d.fault("%v", err)
		net.Keep = true
		return ctx.Err()
	}
	if err := d.lies(ctx); err != nil {
		return err
	}
	if err := d.judge(ctx, before); err != nil {
		return err
	}
	l.report.Drills = append(l.report.Drills, d.row)
	fmt.Fprintf(l.Out, "  %-18s %5.2f/s calm, %5.2f/s lying (%.2f×), gap %.2f s, %d offences, %d pieces of evidence\n",
		kind, d.row.Calm.PerSecond, d.row.Lying.PerSecond, d.row.Share, d.row.Lying.Gap, d.row.Offences,
		d.row.Evidence)
	return nil
}

func namesOf(nodes []devnet.NodeStatus) (names []string) {
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	return names
}

// signingKey is the public key of a validator.
func signingKey(net datadir.Network, id primitives.NodeID) (primitives.Hash, error) {
	g, err := datadir.LoadGenesis(net.Genesis())
	if err != nil {
		return primitives.Hash{}, err
	}
	v, _ := g.Validator(id)
	return v.PublicKey, nil
}

// firstTime is how long a parachain may take until so many of its candidates have been included that it goes evenly: each
// validator compiles its code first, all on one machine.
const (
	firstTime = 3 * time.Minute
	warmUp    = 10
)

// begins waits until the parachain goes evenly.
func (w *paraWatcher) begins(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstTime)
	defer cancel()
	if err := w.moving(ctx, warmUp); err != nil {
		return fmt.Errorf("the parachain doesn't go: %d candidates included in %v, %d timed out, relay chain at height %d",
			w.count(), firstTime, w.timedOut, w.height())
	}
	return nil
}

// lies measures a calm time and one in which the liar is at work.
func (d *liarsDrill) lies(ctx context.Context) error {
	var err error
	if d.row.Calm, err = d.measure(ctx); err != nil {
		return err
	}
	over := make(chan error, 1)
	cmd := exec.CommandContext(ctx, d.net.Program, "chaos", "byzantine", "parachain="+string(d.row.Kind),
		"--node", d.liar.Name, "--for", d.For.String(), "--data-dir", d.net.Home.Dir, "-o", "json")
	go func() {
		text, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, text)
		}
		over <- err
	}()
	if d.row.Lying, err = d.measure(ctx); err != nil {
		return err
	}
	return <-over
}

// measure looks at the network for a time.
func (d *liarsDrill) measure(ctx context.Context) (pace, error) {
	d.para.begin()
	began, from, height := time.Now(), d.para.count(), d.para.height()
	if err := pause(ctx, d.For); err != nil {
		return pace{}, err
	}
	p := pace{
		Included: d.para.count() - from, Blocks: d.para.height() - height,
		Gap: d.para.longestPara().Seconds(), RelayGap: d.para.longest().Seconds(),
	}
	p.PerSecond = float64(p.Included) / time.Since(began).Seconds()
	return p, nil
}
