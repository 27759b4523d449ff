package abuse

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/services"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// Options say how networks are attacked.
type Options struct {
	Network *devnet.Throwaway
	Chain   string // whose VM is kvvm
	Attacks []Attack
	For     time.Duration // each attack, at the least
	Calm    time.Duration // before each
	Times   bool          // whether finality's times are judged, too
	// Attacker is the command that makes an attack in a process of its own: the attack's name, its time and the target
	// in JSON are added. It prints what it has Achieved in JSON.
	Attacker []string
	Out      io.Writer
}

// Report is what came of all attacks.
type Report struct {
	Rows []*Row `json:"rows"`
}

// Faults counts the attacks that did what must not be.
func (r *Report) Faults() (n int) {
	for _, row := range r.Rows {
		if len(row.Faults) > 0 {
			n++
		}
	}
	return n
}

// Run makes one attack after the other, each beside an honest client. A network that isn't as before after one is
// replaced.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &Report{}
	fmt.Fprintln(o.Out, Heading())
	for left := o.Attacks; len(left) > 0; {
		done, err := o.onOneNetwork(ctx, left, r)
		if err != nil {
			return r, err
		}
		left = left[done:]
	}
	return r, nil
}

// onOneNetwork starts a network and attacks it until it has suffered. It returns how many attacks were made.
func (o Options) onOneNetwork(ctx context.Context, attacks []Attack, r *Report) (done int, err error) {
	client, err := o.Network.Up(ctx)
	if err != nil {
		return 0, err
	}
	defer o.Network.Down()
	t, err := o.trial(ctx, client)
	if err != nil {
		return 0, err
	}
	defer t.stop()
	for _, a := range attacks {
		row, err := t.tries(ctx, a)
		if err != nil {
			return done, fmt.Errorf("%s: %w", a.Name, err)
		}
		done++
		r.Rows = append(r.Rows, row)
		fmt.Fprintln(o.Out, row)
		if row.suffered() {
			break
		}
	}
	return done, nil
}

// suffered tells whether the network isn't what it was.
func (r *Row) suffered() bool { return r.Back >= waitBack.Seconds() || len(r.Moved) > 0 }

// trial is the attacks on one network.
type trial struct {
	Options
	client *devnet.Client
	target Target
	honest *honest
	memory *memory
}

func (o Options) trial(ctx context.Context, client *devnet.Client) (*trial, error) {
	s, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	t := &trial{Options: o, client: client}
	if t.target, err = o.aim(s.Nodes); err != nil {
		return nil, err
	}
	var nodes []*kv.Client
	for _, n := range s.Nodes {
		nodes = append(nodes, kv.New(n.HTTP, o.Chain))
	}
	if err := history(ctx, nodes[0]); err != nil {
		return nil, err
	}
	t.honest, t.memory = honestClient(ctx, nodes), watchMemory(ctx, client)
	pause(ctx, o.Calm) // until it runs evenly
	return t, ctx.Err()
}

func (t *trial) stop() {
	t.honest.stop()
	t.memory.stop()
}

// aim finds out what anybody may know of the first node, and of the others.
func (o Options) aim(nodes []devnet.NodeStatus) (t Target, err error) {
	n := nodes[0]
	home := o.Network.Home.Node(n.Name)
	cfg, err := services.Parts().Schema().LoadFile(home.Config())
	if err != nil {
		return t, err
	}
	g, err := datadir.LoadGenesis(o.Network.Home.Genesis())
	if err != nil {
		return t, err
	}
	var others []Other
	for _, other := range nodes[1:] {
		v, _ := g.Validator(other.NodeID)
		key := filepath.Join(o.Network.Home.Node(other.Name).Keys(), datadir.IdentityFile)
		others = append(others, Other{Name: other.Name, Node: other.NodeID, P2P: v.Address, Key: key})
	}
	v, _ := g.Validator(n.NodeID)
	c, ok := g.Chain(o.Chain)
	if !ok {
		return t, fmt.Errorf("the network has no chain %s", o.Chain)
	}
	return Target{
		HTTP: strings.TrimPrefix(n.HTTP, "http://"), Monitoring: devnet.Reachable(cfg.Metrics.Listen), P2P: v.Address,
		Bus: home.Socket(node.BusSocket), Node: n.NodeID, Network: g.Hash(), Number: g.Number(), Chain: c.Name,
		ChainID: c.ID, Others: others,
	}, nil
}

// mostTries is how often an attack is made that takes too long: whatever else the machine does takes time, too.
const mostTries = 3

func (t *trial) tries(ctx context.Context, a Attack) (row *Row, err error) {
	for try := 1; ; try++ {
		if row, err = t.attack(ctx, a); err != nil {
			return nil, err
		}
		if row.Tries = try; !row.late || row.suffered() || try == mostTries {
			return row, nil
		}
	}
}

// attack has one attack made, and looks at what it does.
func (t *trial) attack(ctx context.Context, a Attack) (*Row, error) {
	before, err := t.client.Status(ctx)
	if err != nil {
		return nil, err
	}
	t.memory.mark()
	before50, before99 := t.undisturbed(ctx)
	calmMemory, _ := t.memory.mark()
	if err := t.lookAhead(ctx); err != nil {
		return nil, err
	}
	failed, attacked := t.honest.failures(), span{from: time.Now()}
	row := &Row{Attack: a.Name, Door: a.Door, CalmP50: millis(before50), CalmP99: millis(before99), Most: a.Most}
	if err := row.made(ctx, t.Options, a, t.target); err != nil {
		row.fault("the attack couldn't be made: %v", err)
	}
	attacked.to = time.Now()
	limit := max(time.Duration(calm*float64(before99)), before99+20*time.Millisecond)
	row.Back = t.honest.calmAgain(ctx, attacked.to, limit, waitBack).Seconds()
	took := t.honest.in(attacked)
	row.P50, row.P99 = millis(quantile(took, 50)), millis(quantile(took, 99))
	row.Slower, row.Put, row.Failed = row.P99/row.CalmP99, len(took), t.honest.failures()-failed
	high, causes := t.memory.mark()
	row.Memory, row.Unwell = compare(calmMemory, high), causes
	if others := t.target.Others; a.Named != "" && len(others) > 0 && !said(causes, others[0].Name, a.Named) {
		row.fault("%s doesn't say that its %s is to blame", others[0].Name, a.Named)
	}
	if row.Moved, err = t.moved(ctx, before); err != nil {
		row.fault("the network doesn't say how it is: %v", err)
	}
	row.judge(t.Times && a.Named == "")
	return row, ctx.Err()
}

// said tells whether a node has named a cause.
func said(causes []string, node, word string) bool {
	return slices.ContainsFunc(causes, func(cause string) bool {
		return strings.HasPrefix(cause, node+": ") && strings.Contains(cause, word)
	})
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// undisturbed is how fast finality is while nobody attacks.
func (t *trial) undisturbed(ctx context.Context) (p50, p99 time.Duration) {
	now := span{from: time.Now()}
	pause(ctx, t.Calm)
	now.to = time.Now()
	took := t.honest.in(now)
	return quantile(took, 50), quantile(took, 99)
}

// lookAhead learns which block is the last.
func (t *trial) lookAhead(ctx context.Context) error {
	head, err := kv.New("http://"+t.target.HTTP, t.Chain).Head(ctx)
	if err != nil {
		return err
	}
	b, err := devnet.Block(ctx, t.target.HTTP, t.Chain, fmt.Sprint(head.Height))
	if err == nil {
		t.target.Height, t.target.Last = b.Height, b.ID
	}
	return err
}

// moved lists the processes that aren't the same any more.
func (t *trial) moved(ctx context.Context, before *devnet.Status) (list []string, err error) {
	after, err := t.client.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range before.Nodes {
		a, _ := after.Node(b.Name)
		for _, p := range b.Processes {
			if q, _ := a.Process(b.Title(p)); p.PID != q.PID {
				list = append(list, fmt.Sprintf("%s/%s", b.Name, b.Title(p)))
			}
		}
	}
	return list, nil
}

// made has the attack made by a process of its own, which costs what the attack costs.
func (r *Row) made(ctx context.Context, o Options, a Attack, t Target) error {
	target, err := json.Marshal(t)
	if err != nil {
		return err
	}
	lasts := max(o.For, a.Least)
	ctx, cancel := context.WithTimeout(ctx, lasts+waitBack)
	defer cancel()
	args := append(slices.Clone(o.Attacker[1:]), a.Name, lasts.String(), string(target))
	cmd := exec.CommandContext(ctx, o.Attacker[0], args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if cmd.ProcessState != nil {
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		r.CPU = used.Seconds() / lasts.Seconds()
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return json.Unmarshal(text, &r.Achieved)
}
