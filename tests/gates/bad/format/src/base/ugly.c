int   ugly( void ){return 0 ;}
