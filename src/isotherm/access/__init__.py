"""Who may look: tokens, login links and cookies, and the short-lived tokens that open one site's overlay."""
