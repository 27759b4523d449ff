package povdistribution

// questionsAtOnce is how many questions of ours a peer has at a time; the others wait in line.
const questionsAtOnce = 4

// inLine asks a peer something when it has few questions of ours. Each is followed by answered.
func (d *distribution) inLine(p *peer, ask func()) {
	if p.asking >= questionsAtOnce {
		p.line = append(p.line, ask)
		return
	}
	p.asking++
	ask()
}

// answered makes room for the next question to a peer.
func (d *distribution) answered(p *peer) {
	p.asking--
	if len(p.line) > 0 {
		ask := p.line[0]
		p.line = p.line[1:]
		d.inLine(p, ask)
	}
}
