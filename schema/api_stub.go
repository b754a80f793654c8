package schema

// AgentInfoDoc is a decoded agent_info document, of an agent or of a service.
type AgentInfoDoc struct {
	Head
	flawList
}

func DecodeAgentInfo(raw []byte) (*AgentInfoDoc, error) { panic("stub") }
func (d *AgentInfoDoc) Detail() AgentDetail             { panic("stub") } // without counters, severity and reasons
func Judge(a *Agent, now int64, limits Limits)          { panic("stub") } // Severity and Reasons
