package web

// SelectionPage are the props of the page with the names of workflows in forms to
// paste elsewhere.
type SelectionPage struct {
	Frame
	Notes       []Note
	Total       int64 // workflows that match the query
	Shown       int64 // workflows on this page
	Line        string
	List        string // address of the list
	Names, JSON string // one a line; as a JSON list
	Export      Export
	NamesOnly   string // address of a file with all names
	System      string // the system that Links lead to
	Links       []Link
}

// ChangedPage are the props of the page of changed workflows.
type ChangedPage struct {
	Frame
	Notes                   []Note
	Since                   string // generation to compare with; "" for none
	Reset                   bool   // its changes are no longer known
	Added, Changed, Removed int64
	Rows                    List     // added and changed workflows
	Gone                    []string // names
	Cut                     bool     // not all are shown
	From                    int64    // Unix s
	Choices                 []Choice
	ByStatus                []StatusCount
	Moved                   List
	All                     string // Moved as a list
}

// StatusCount is a status with the number of workflows that entered it.
type StatusCount struct {
	Status string
	Count  int64
	Href   string
}
