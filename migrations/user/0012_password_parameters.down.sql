drop index users_password_parameters;
