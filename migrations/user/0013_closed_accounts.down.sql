drop trigger users_closed on users;
drop function send_closed_account();
